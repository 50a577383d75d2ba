package cli

import (
	"fmt"
	"strings"
)

// fish returns a file for a folder of completions.
func (c *Command) fish() string {
	var b strings.Builder
	at := "__" + strings.TrimPrefix(c.function(), "_") + "_at"
	var paths []string
	for _, l := range c.leaves() {
		if l.path != "" {
			paths = append(paths, fishQuoted(l.path))
		}
	}
	fmt.Fprintf(&b, `# Completions of %[1]s for fish, made by "%[1]s completion fish".

# Whether the words so far lead to a command; with -first, and no other argument is there.
function %[2]s
	set -l first no
	if test "$argv[1]" = -first
		set first yes
		set -e argv[1]
	end
	set -l words (commandline -opc)
	set -e words[1]
	set -l path
	while set -q words[1]; and contains -- (string join -- ' ' $path $words[1]) %[3]s
		set -a path $words[1]
		set -e words[1]
	end
	test "$first" = yes; and set -q words[1]; and return 1
	test "$path" = "$argv[1]"
end

complete -c %[1]s -f
`, c.Name, at, strings.Join(paths, " "))
	for _, l := range c.leaves() {
		lead := fmt.Sprintf("complete -c %s -n %s", c.Name, fishQuoted(at+" "+fishQuoted(l.path)))
		first := fmt.Sprintf("complete -c %s -n %s", c.Name, fishQuoted(at+" -first "+fishQuoted(l.path)))
		for _, below := range l.Commands {
			fmt.Fprintf(&b, "%s -a %s -d %s\n", first, below.Name, fishQuoted(below.Summary))
		}
		for _, word := range l.Words {
			fmt.Fprintf(&b, "%s -a %s\n", first, fishQuoted(word))
		}
		for _, one := range l.flags {
			takes := ""
			switch k, choices := kindOf(one); k {
			case anything:
				takes = " -x"
			case file:
				takes = " -r -F"
			case words:
				takes = " -x -a " + fishQuoted(strings.Join(choices, " "))
			}
			fmt.Fprintf(&b, "%s -o %s%s -d %s\n", lead, one.Name, takes, fishQuoted(brief(one)))
		}
		fmt.Fprintf(&b, "%s -o help -d 'print help'\n", lead)
	}
	return b.String()
}
