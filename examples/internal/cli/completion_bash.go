package cli

import (
	"fmt"
	"strings"
)

// bash returns a function for the command complete, of bash alone.
func (c *Command) bash() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Completions of %[1]s for bash, made by "%[1]s completion bash".
%[2]s() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= next i
	local flags= files= values= choices= arguments=
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		next="${path:+$path }${COMP_WORDS[i]}"
		case $next in
		%[3]s) path=$next ;;
		*) break ;;
		esac
	done
	case $path in
`, c.Name, c.function(), c.patterns())
	for _, l := range c.leaves() {
		fmt.Fprintf(&b, "\t%s)\n", shellQuoted(l.path))
		fmt.Fprintf(&b, "\t\tflags=%s\n", shellQuoted(called(l.flags, noValue, anything, file, words)+" -help"))
		for _, list := range [][2]string{{"files", called(l.flags, file)}, {"values", called(l.flags, anything)}, {"arguments", strings.Join(l.arguments(), " ")}} {
			if list[1] != "" {
				fmt.Fprintf(&b, "\t\t%s=%s\n", list[0], shellQuoted(list[1]))
			}
		}
		var cases []string
		for _, one := range l.flags {
			if k, choices := kindOf(one); k == words {
				cases = append(cases, fmt.Sprintf("-%s) choices=%s ;;", one.Name, shellQuoted(strings.Join(choices, " "))))
			}
		}
		if len(cases) > 0 {
			fmt.Fprintf(&b, "\t\tcase ${prev/#--/-} in\n\t\t%s\n\t\tesac\n", strings.Join(cases, "\n\t\t"))
		}
		b.WriteString("\t\t;;\n")
	}
	fmt.Fprintf(&b, `	esac
	prev=${prev/#--/-}
	if [[ -n $choices ]]; then
		COMPREPLY=($(compgen -W "$choices" -- "$cur"))
	elif [[ " $files " == *" $prev "* ]]; then
		compopt -o filenames 2>/dev/null
		COMPREPLY=($(compgen -f -- "$cur"))
	elif [[ " $values " == *" $prev "* ]]; then
		:
	elif [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$flags" -- "$cur"))
	elif ((i == COMP_CWORD)); then
		COMPREPLY=($(compgen -W "$arguments" -- "$cur"))
	fi
}
complete -F %[2]s %[1]s
`, c.Name, c.function())
	return b.String()
}

// patterns returns the words that lead to commands, as patterns of case.
func (c *Command) patterns() string {
	var all []string
	for _, l := range c.leaves() {
		if l.path != "" {
			all = append(all, shellQuoted(l.path))
		}
	}
	return strings.Join(all, " | ")
}
