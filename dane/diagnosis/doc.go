// Package diagnosis tells those who run a mail domain what is wrong with it, who must act,
// and how.
//
// A sender's verdict is about one message: it is a success if one host at one address can be
// delivered to. [Diagnose] judges all hosts and addresses of the same [dane.Result], so that
// a fault shows before the last good address fails, too.
//
//	result, err := new(dane.Checker).Verify(ctx, "example.org")
//	report := diagnosis.Diagnose(result, diagnosis.Options{})
//	report.WriteText(os.Stdout)
//
// It is a pure function: it asks nobody, and the instant that it judges by is given. So what
// was kept as JSON can be diagnosed later, with the same findings.
//
// Each [Finding] has a stable [Code], with a section in docs/findings.md. What this machine
// lacks is never a fault of the domain: its severity is [Unknown].
package diagnosis
