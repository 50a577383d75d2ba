package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/page"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// pages keep results for -html and -dot until all are there. The zero value keeps nothing.
type pages struct {
	html, dot string            // files; empty for what is not asked for
	about     map[string]string // what is special about domains of the demonstration

	mu      sync.Mutex
	domains []page.Domain
	omitted int // beyond what a page shows: lists may be of any length
}

// pageFlags declares -html and -dot.
func (o *options) pageFlags(f *cli.Flags) {
	o.pages = new(pages)
	f.Group("A report to look at")
	f.StringVar(&o.pages.html, "html", "", "write a page about all domains to `FILE`: findings, the chain of trust, servers, certificates, what ends when. It needs nothing beside it")
	f.StringVar(&o.pages.dot, "dot", "", "write the chains of trust to `FILE` for Graphviz; - is standard output, and then nothing else goes there")
}

// toStdout is the FILE for standard output.
const toStdout = "-"

func (p *pages) wanted() bool { return p != nil && (p.html != "" || p.dot != "") }

// alone reports whether standard output is for a graph.
func (p *pages) alone() bool { return p != nil && p.dot == toStdout }

// wrong returns what is wrong with the flags. A file that cannot be written is told before
// anything is looked up, not after hours.
func (p *pages) wrong(o *options) error {
	switch {
	case !p.wanted():
		return nil
	case o.checkResolver || o.showAnchors || o.anchorsUpdate != "":
		return errors.New("-html and -dot are about domains, and take no -check-resolver, -show-anchors or -anchors-update")
	case p.html == toStdout:
		return errors.New("-html takes a file; standard output is for the verdict")
	case p.alone() && o.json:
		return errors.New("-dot - and -json both want standard output")
	case p.html == p.dot:
		return errors.New("-html and -dot name the same file")
	}
	for flag, file := range map[string]string{"-html": p.html, "-dot": p.dot} {
		if file == "" || file == toStdout {
			continue
		}
		if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s %s: it is there, and no regular file", flag, file)
		}
		f, err := createBeside(file)
		if err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
		f.Close()
		os.Remove(f.Name())
	}
	return nil
}

// explain says what is special about the domains of the demonstration.
func (p *pages) explain(domains []danetest.Domain) {
	if !p.wanted() {
		return
	}
	p.about = make(map[string]string)
	for _, d := range domains {
		p.about[d.Name] = d.About
	}
}

// add adds a result, with what was said of it, in the order in which they are printed.
func (p *pages) add(r *dane.Result, report diagnosis.Report) {
	if !p.wanted() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.domains) == page.MaxDomains {
		p.omitted++
		return
	}
	p.domains = append(p.domains, page.Domain{Result: r, Report: report, About: p.about[r.Name]})
}

// write writes the files.
func (p *pages) write(stdout io.Writer, anchors anchor.Set) error {
	if !p.wanted() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.html != "" {
		o := page.Options{Anchors: anchors, By: "daneverify", Omitted: p.omitted}
		if err := replaceFile(p.html, func(w io.Writer) error { return page.Write(w, p.domains, o) }); err != nil {
			return fmt.Errorf("-html: %w", err)
		}
	}
	graph := func(w io.Writer) error { return page.WriteDot(w, p.domains) }
	switch p.dot {
	case "":
		return nil
	case toStdout:
		return graph(stdout)
	}
	if err := replaceFile(p.dot, graph); err != nil {
		return fmt.Errorf("-dot: %w", err)
	}
	return nil
}

// createBeside makes a new file in the directory of another.
func createBeside(file string) (*os.File, error) {
	return os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
}

// replaceFile writes a file that all may read, at once: who reads it meanwhile has the old one, or
// the new one.
func replaceFile(file string, write func(io.Writer) error) error {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	f, err := createBeside(file)
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
