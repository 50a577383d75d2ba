package smtpprobe_test

import (
	"crypto/tls"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// proberOf returns a prober that reaches the server in memory.
func proberOf(server *smtptest.Server) *smtpprobe.Prober {
	return &smtpprobe.Prober{Dial: server.Dial, Hello: "client.example"}
}

// fixedTLS makes transcripts the same on all machines.
func fixedTLS() *tls.Config {
	return &tls.Config{
		MaxVersion:   tls.VersionTLS12,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	}
}

func commands(server *smtptest.Server) []string { return server.Sessions()[0].Commands }

func faults(stage smtptest.Stage, fault smtptest.Fault) map[smtptest.Stage]smtptest.Fault {
	return map[smtptest.Stage]smtptest.Fault{stage: fault}
}

func replies(stage smtptest.Stage, reply string) map[smtptest.Stage]string {
	return map[smtptest.Stage]string{stage: reply}
}

func reply(stage smtptest.Stage, text string) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Replies = replies(stage, text) }
}

func fault(stage smtptest.Stage, fault smtptest.Fault) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Faults = faults(stage, fault) }
}
