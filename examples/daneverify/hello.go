package main

import (
	"strings"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// maxHello bounds the name in EHLO (RFC 5321 §4.5.3.1.2).
const maxHello = 255

// isHello reports whether a name can be given in EHLO: one word of printable ASCII.
func isHello(name string) bool {
	name = strings.TrimSuffix(name, ".")
	return name != "" && len(name) <= maxHello && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}

// addressInHello returns what was said in EHLO for want of a name: an address in
// brackets (RFC 5321 §4.1.4). It is empty if nothing was said, or a name.
func addressInHello(r *dane.Result) string {
	for _, h := range r.Hosts {
		for _, a := range h.Attempts {
			if a.Session == nil {
				continue
			}
			for _, step := range a.Session.Steps {
				if name, said := strings.CutPrefix(step.Command, "EHLO ["); said && step.Stage == smtpprobe.StageHello {
					return "[" + name
				}
			}
		}
	}
	return ""
}
