package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

var surveyExits = []cli.Exit{
	{Status: exitDone, Means: "every line of the list has a row"},
	{Status: exitCutShort, Means: "it was interrupted, or no DNS server answers, or the disk is full, or another thing of this machine failed: what is finished is kept, and resume goes on"},
	{Status: exitUsage, Means: "a mistake in the command line, the list or the folder; nothing was done"},
	{Status: exitNoVerdict, Means: "every line has a row, and some of these say nothing about the domain, for a lack of this machine, for want of a DNS server, or as servers were busy: resume -again asks once more"},
}

// commandRun begins a survey.
func commandRun() *cli.Command {
	return &cli.Command{
		Name: "run", Summary: "survey the domains of a list",
		Usage: []string{"-dir DIR [flags] LIST|-", "-dir DIR -demo [flags]"},
		About: `Finds out about the domains of LIST, or of standard input, and keeps the results in DIR, which it makes. A
line is a name, a rank and a name as in "1,example.org", an e-mail address, or a URL; of CSV -column says
which column it is. Blank lines and comments, which begin with "#", are left out. A line without a domain
has a row all the same.

The list is copied to DIR and read to its end first. Then a line on standard error says how far the survey
is: on a terminal all the time, else once a minute, or when SIGUSR1 asks. SIGINT, SIGTERM and SIGHUP end
it; resume goes on, whatever has ended it. DIR remembers the flags.`,
		Examples: []cli.Example{
			{Line: "danesurvey run -dir demo -demo", About: "the built-in Internet; nothing leaves this machine"},
			{Line: "danesurvey run -dir top1m -dns-only top-1m.csv", About: "look up only, which is no burden to mail servers"},
			{Line: "zcat names.gz | danesurvey run -dir names -recursive -helo survey.example.org -"},
		},
		Exits: surveyExits,
		Begin: func(f *cli.Flags) cli.Run {
			o := new(options)
			f.Group("Where the results go")
			dir := f.String("dir", "", "folder `DIR` of the survey")
			o.fixed(f)
			o.changing(f)
			return func(ctx context.Context, s cli.Streams, args []string) (int, error) {
				flags, err := o.understood(f, "dir")
				if err == nil && *dir == "" {
					err = errors.New("-dir DIR says where the results go, and is missing")
				}
				if err != nil {
					return exitUsage, err
				}
				return o.begin(ctx, s, *dir, flags, args)
			}
		},
	}
}

var errInterrupted = errors.New("interrupted before the list was read; nothing is left of it")

// begin makes a survey and works on it.
func (o *options) begin(ctx context.Context, s cli.Streams, dir string, flags map[string]string, args []string) (int, error) {
	ignoreSignals()
	name, list, err := o.list(s, args)
	if err != nil {
		return exitUsage, err
	}
	list = interruptible(ctx, list)
	defer list.Close()
	// What is wrong with the flags is said before there is a folder.
	w, end, err := o.worker(s.Err)
	if err != nil {
		return exitUsage, err
	}
	defer end()
	st, err := makeSurvey(ctx, dir, name, list, o.column, flags)
	if errors.Is(err, store.ErrExists) {
		err = fmt.Errorf("%w; danesurvey resume goes on with it, or give another -dir", err)
	}
	if err != nil {
		return exitUsage, err
	}
	return o.work(ctx, s, st, w, dir)
}

// makeSurvey makes the folder of a survey, unless no domain is where the list begins.
func makeSurvey(ctx context.Context, dir, name string, list io.Reader, column string,
	flags map[string]string) (*store.Store, error) {
	whole, err := work.Lead(ctx, list, column)
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var st *store.Store
	if err == nil {
		st, err = store.Create(dir, func() (store.About, error) {
			about := store.About{Created: time.Now().UTC(), Flags: flags}
			var err error
			about.List, err = work.CopyList(ctx, dir, name, whole, column)
			return about, err
		})
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, store.ErrExists) {
		return nil, errInterrupted
	}
	return st, err
}

// interruptible is the list until ctx ends. A read of it that hangs, as that of a pipe or a terminal
// may, then lasts as long as the process, but nobody waits for it.
func interruptible(ctx context.Context, list io.ReadCloser) io.ReadCloser {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	go func() {
		defer list.Close()
		_, err := io.Copy(in, list)
		in.CloseWithError(err)
	}()
	return out
}

// list opens the list that is named, or has one of all domains of the built-in Internet.
func (o *options) list(s cli.Streams, args []string) (name string, list io.ReadCloser, err error) {
	switch {
	case len(args) == 0 && o.demo:
		var all strings.Builder
		for _, d := range danetest.Domains() {
			fmt.Fprintln(&all, d.Name)
		}
		return "the built-in Internet", io.NopCloser(strings.NewReader(all.String())), nil
	case len(args) != 1:
		return "", nil, fmt.Errorf("want one list, and not %d arguments", len(args))
	case args[0] == "-":
		return "standard input", io.NopCloser(s.In), nil
	}
	file, err := os.Open(args[0])
	return args[0], file, err
}
