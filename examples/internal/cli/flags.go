package cli

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Flags are those of a command, in groups. They are declared by the methods of a
// [flag.FlagSet]; the word in back quotes of a flag's usage names its value, and where that is
// FILE, completions offer files. Words with a bar between them, as text|json, are offered as
// they are.
type Flags struct {
	*flag.FlagSet
	run    Run
	title  string // of the group to which flags are declared
	groups []group
}

// A group is some flags with a title.
type group struct {
	title string
	flags []*flag.Flag
}

// NewFlags returns those of a command with a name: none as yet.
func NewFlags(name string) *Flags {
	f := &Flags{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), title: "Flags"}
	f.SetOutput(io.Discard)
	return f
}

// Group begins a group, or goes on with one: the flags that are declared from now on.
func (f *Flags) Group(title string) {
	var fresh []*flag.Flag
	f.VisitAll(func(one *flag.Flag) {
		if !f.grouped(one) {
			fresh = append(fresh, one)
		}
	})
	at := slices.IndexFunc(f.groups, func(g group) bool { return g.title == f.title })
	switch {
	case len(fresh) == 0:
	case at >= 0:
		f.groups[at].flags = append(f.groups[at].flags, fresh...)
	default:
		f.groups = append(f.groups, group{title: f.title, flags: fresh})
	}
	f.title = title
}

func (f *Flags) grouped(one *flag.Flag) bool {
	return slices.ContainsFunc(f.groups, func(g group) bool { return slices.Contains(g.flags, one) })
}

// Parse sets the flags from arguments, and returns those that are not flags: both may come in
// any order, and after "--" there are no flags any more. The error is flag.ErrHelp where help
// is asked for, and else says what would be right.
func (f *Flags) Parse(args []string) (others []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(others, args...), nil
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			others = append(others, arg)
		default:
			if args, err = f.one(arg, args); err != nil {
				return others, err
			}
		}
	}
	return others, nil
}

// one sets a flag, and returns what follows it and its value.
func (f *Flags) one(arg string, rest []string) ([]string, error) {
	name, value, given := cutFlag(arg)
	known := f.Lookup(name)
	switch {
	case known == nil && isHelp(name):
		return nil, flag.ErrHelp
	case known == nil:
		return nil, fmt.Errorf("there is no flag -%s%s -help lists the flags", name, orNearest("-"+name, f.names()))
	case !given && isBool(known):
		value = "true"
	case !given && len(rest) == 0:
		return nil, fmt.Errorf("-%s: want %s after it", name, wants(known))
	case !given && f.isFlag(rest[0]):
		return nil, fmt.Errorf("-%s: want %s after it, and not %s; a value that looks like a flag is given by -%s=%s",
			name, wants(known), rest[0], name, rest[0])
	case !given:
		value, rest = rest[0], rest[1:]
	}
	if err := f.Set(name, value); err != nil {
		return nil, mistake(known, value, err)
	}
	return rest, nil
}

// isFlag reports whether an argument that should be a value is one of the flags, or ends them: the
// value was forgotten, and the flag would be a file's name.
func (f *Flags) isFlag(arg string) bool {
	name, _, _ := cutFlag(arg)
	return strings.HasPrefix(arg, "-") && (f.Lookup(name) != nil || isHelp(name)) || arg == "--"
}

// cutFlag returns the name of a flag in an argument, with one dash or two, and the value in it, if
// one is given.
func cutFlag(arg string) (name, value string, given bool) {
	return strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
}

func isHelp(name string) bool { return name == "help" || name == "h" }

func (f *Flags) names() (names []string) {
	f.VisitAll(func(one *flag.Flag) { names = append(names, "-"+one.Name) })
	return append(names, "-help")
}

func isBool(one *flag.Flag) bool {
	b, ok := one.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// mistake says what is wrong with a flag's value. Errors of package flag say only that
// something is; others know better.
func mistake(one *flag.Flag, value string, err error) error {
	getter, ok := one.Value.(flag.Getter)
	if !ok {
		return fmt.Errorf("-%s: %w", one.Name, err)
	}
	if _, isText := getter.Get().(string); isText {
		return fmt.Errorf("-%s %q: %w", one.Name, value, err)
	}
	if _, isDuration := getter.Get().(time.Duration); isDuration {
		if _, numberErr := time.ParseDuration(value + "s"); numberErr == nil {
			return fmt.Errorf("-%s %s: want a duration such as %ss", one.Name, value, value)
		}
	}
	return fmt.Errorf("-%s %q: want %s", one.Name, value, wants(one))
}

// wants says what the value of a flag is to be.
func wants(one *flag.Flag) string {
	if getter, ok := one.Value.(flag.Getter); ok {
		switch getter.Get().(type) {
		case time.Duration:
			return "a duration such as 5s or 2m"
		case int, int64:
			return "a whole number"
		case uint, uint64:
			return "a whole number that is not negative"
		case float64:
			return "a number"
		case bool:
			return "true or false"
		}
	}
	name, _ := flag.UnquoteUsage(one)
	return name
}
