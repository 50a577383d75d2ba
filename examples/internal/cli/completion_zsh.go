package cli

import (
	"fmt"
	"strings"
)

// zsh returns a file for a folder of $fpath.
func (c *Command) zsh() string {
	var b strings.Builder
	fmt.Fprintf(&b, `#compdef %[1]s
# Completions of %[1]s for zsh, made by "%[1]s completion zsh".
%[2]s() {
	local cur=$words[CURRENT] prev=${words[CURRENT-1]/#--/-} at= next
	local -i i
	local -a flags files values choices arguments
	for ((i = 2; i < CURRENT; i++)); do
		next="${at:+$at }$words[i]"
		case $next in
		(%[3]s) at=$next ;;
		(*) break ;;
		esac
	done
	case $at in
`, c.Name, c.function(), strings.ReplaceAll(c.patterns(), " | ", "|"))
	for _, l := range c.leaves() {
		fmt.Fprintf(&b, "\t(%s)\n\t\tflags=(\n", shellQuoted(l.path))
		for _, one := range l.flags {
			fmt.Fprintf(&b, "\t\t\t%s\n", shellQuoted("-"+one.Name+":"+brief(one)))
		}
		b.WriteString("\t\t\t'-help:print help'\n\t\t)\n")
		for _, list := range [][2]string{{"files", called(l.flags, file)}, {"values", called(l.flags, anything)}} {
			if list[1] != "" {
				fmt.Fprintf(&b, "\t\t%s=(%s)\n", list[0], list[1])
			}
		}
		for _, one := range l.flags {
			if k, choices := kindOf(one); k == words {
				fmt.Fprintf(&b, "\t\t[[ $prev == -%s ]] && choices=(%s)\n", one.Name, quotedAll(choices))
			}
		}
		if len(l.arguments()) > 0 {
			b.WriteString("\t\targuments=(\n")
			for _, below := range l.Commands {
				fmt.Fprintf(&b, "\t\t\t%s\n", shellQuoted(below.Name+":"+below.Summary))
			}
			for _, word := range l.Words {
				fmt.Fprintf(&b, "\t\t\t%s\n", shellQuoted(word))
			}
			b.WriteString("\t\t)\n")
		}
		b.WriteString("\t\t;;\n")
	}
	fmt.Fprintf(&b, `	esac
	if (($#choices)); then
		compadd -- $choices
	elif (($files[(Ie)$prev])); then
		_files
	elif (($values[(Ie)$prev])); then
		_message value
	elif [[ $cur == -* ]]; then
		_describe -o flag flags
	elif ((i == CURRENT && $#arguments)); then
		_describe argument arguments
	fi
}
if [[ $funcstack[1] == %[2]s ]]; then
	%[2]s "$@"
else
	compdef %[2]s %[1]s
fi
`, c.Name, c.function())
	return b.String()
}

func quotedAll(all []string) string {
	var parts []string
	for _, word := range all {
		parts = append(parts, shellQuoted(word))
	}
	return strings.Join(parts, " ")
}
