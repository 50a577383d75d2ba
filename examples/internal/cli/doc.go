// Package cli is what the commands of a program have in common: how their flags are read, how
// mistakes are told, and help, manual page and completions, which are made from the same table
// as what runs.
//
// A [Command] is a row of that table. One that is new takes a file of its own and a line among
// the Commands of the one above it:
//
//	func hello() *cli.Command {
//		return &cli.Command{
//			Name: "hello", Summary: "greet a domain", Usage: []string{"[flags] DOMAIN"},
//			Exits: []cli.Exit{{Status: 0, Means: "it was greeted"}},
//			Begin: func(f *cli.Flags) cli.Run {
//				f.Group("What is printed")
//				loud := f.Bool("loud", false, "greet in capitals")
//				return func(ctx context.Context, s cli.Streams, args []string) (int, error) { … }
//			},
//		}
//	}
package cli
