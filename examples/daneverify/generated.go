package main

import (
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

//go:generate sh -c "go run . man >share/daneverify.1"
//go:generate sh -c "go run . completion bash >share/daneverify.bash"
//go:generate sh -c "go run . completion zsh >share/_daneverify"
//go:generate sh -c "go run . completion fish >share/daneverify.fish"

// manualDate is that of the manual page: when what it says last changed.
const manualDate = "November 30, 2026"

// commandMan prints what is kept in share.
func commandMan() *cli.Command {
	return cli.ManCommand(program, manualDate, cli.Example{Line: "daneverify man >/usr/local/share/man/man1/daneverify.1"})
}

// commandCompletion prints what is kept in share.
func commandCompletion() *cli.Command {
	return cli.CompletionCommand(program,
		cli.Example{Line: "daneverify completion bash >/usr/share/bash-completion/completions/daneverify"},
		cli.Example{Line: "daneverify completion zsh >/usr/local/share/zsh/site-functions/_daneverify"},
		cli.Example{Line: "daneverify completion fish >~/.config/fish/completions/daneverify.fish"},
	)
}
