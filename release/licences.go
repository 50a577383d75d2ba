package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licences returns the licences of all that the programs of a release contain, besides this
// module: other modules, and Go's own library. They ask for being told.
func licences(source string) (string, error) {
	modules := make(map[string]string) // and versions, to the folder
	for _, s := range systems() {
		args := []string{"go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}"}
		for _, name := range s.programs() {
			args = append(args, "./examples/"+name)
		}
		text, err := output(source, append(s.environment(), "GOFLAGS=-mod=readonly"), args...)
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(text) {
			if name, dir, found := strings.Cut(strings.TrimSpace(line), "\t"); found {
				modules[name] = dir
			}
		}
	}
	root, err := output(source, nil, "go", "env", "GOROOT")
	if err != nil {
		return "", err
	}
	modules["Go's standard library"] = root
	var names []string
	for name := range modules {
		names = append(names, name)
	}
	slices.Sort(names)
	var list, texts strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(modules[name], "LICENSE"))
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		kind, err := kindOf(string(text))
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(&list, "  %-40s %s\n", name, kind)
		fmt.Fprintf(&texts, "\n%s\n%s\n\n%s\n", strings.Repeat("-", 80), name, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	return "What the programs contain that is not of this module, and by which licences.\n" +
		"Made by release/build -licences; LICENSE has the licence of the module itself.\n\n" + list.String() + texts.String(), nil
}

// kindOf says which of the licences that we may use this is.
func kindOf(text string) (string, error) {
	has := func(words string) bool {
		return strings.Contains(strings.Join(strings.Fields(text), " "), words)
	}
	advertising := regexp.MustCompile(`(?i)advertising materials`)
	switch {
	case advertising.MatchString(text):
	case has("Redistribution and use in source and binary forms") && has("Neither the name"):
		return "BSD-3-Clause", nil
	case has("Redistribution and use in source and binary forms"):
		return "BSD-2-Clause", nil
	case has("Permission is hereby granted, free of charge, to any person obtaining a copy of this software"):
		return "MIT", nil
	case has("Apache License Version 2.0"):
		return "Apache-2.0", nil
	}
	return "", fmt.Errorf("its licence is none that is known here: look whether it may be used, and add it")
}
