package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "build":
		return buildAll(args[1], args[2])
	case len(args) == 2 && args[0] == "licences":
		text, err := licences(args[1])
		if err == nil {
			_, err = os.Stdout.WriteString(text)
		}
		return err
	case len(args) == 3 && args[0] == "detach":
		return detach(args[1], args[2])
	case len(args) == 4 && args[0] == "proxy":
		return writeProxy(args[1], args[2], args[3])
	}
	return errors.New("usage: release build SOURCE OUT | licences SOURCE | detach SOURCE VERSION | proxy SOURCE VERSION OUT")
}

// output runs a command in a folder, with variables added to the environment, and returns what it
// prints.
func output(dir string, env []string, args ...string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), env...), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
