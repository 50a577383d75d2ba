package dane

import (
	"crypto/tls"
	"fmt"
	"net/netip"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

func (in *jsonProbe) decode() (a Attempt, err error) {
	a.Authenticated, a.Fallback, a.Elapsed = in.Authenticated, in.Fallback, duration(in.Elapsed)
	a.Err = recorded(Failure{ResultType: in.ResultType, Code: in.Code, Reason: in.Reason, Text: in.Error})
	if a.Addr, err = netip.ParseAddrPort(in.Address); err != nil {
		return a, err
	}
	a.Session = &smtpprobe.Result{Addr: a.Addr}
	for _, s := range in.Steps {
		step, err := s.decode()
		if err != nil {
			return a, err
		}
		a.Session.Steps = append(a.Session.Steps, step)
	}
	if in.Local != "" {
		if a.Session.LocalAddr, err = netip.ParseAddrPort(in.Local); err != nil {
			return a, err
		}
	}
	if in.Protocol != "" {
		a.Session.TLS = &tls.ConnectionState{Version: protocol(in.Protocol), CipherSuite: cipher(in.Cipher), HandshakeComplete: !in.Incomplete}
	}
	if m := in.Match; m != nil {
		a.Match.Depth, a.Match.Name = m.Depth, m.Name
		a.Match.Record, err = tlsa.Parse(m.Record)
	}
	return a, err
}

func (in *jsonStep) decode() (smtpprobe.Step, error) {
	step := smtpprobe.Step{
		Command: in.Command, Reply: smtpprobe.Reply{Code: in.Code, Lines: in.Reply},
		Start: duration(in.Start), Duration: duration(in.Elapsed),
	}
	for step.Stage = smtpprobe.StageDial; step.Stage <= smtpprobe.StageQuit; step.Stage++ {
		if step.Stage.String() == in.Stage {
			return step, nil
		}
	}
	return step, fmt.Errorf("stage %q", in.Stage)
}

// protocol and cipher invert the names of smtpprobe.
func protocol(name string) uint16 {
	for version := uint16(tls.VersionTLS10); version <= tls.VersionTLS13; version++ {
		if smtpprobe.ProtocolName(version) == name {
			return version
		}
	}
	return hexadecimal(name)
}

func cipher(name string) uint16 {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if smtpprobe.CipherName(suite.ID) == name {
			return suite.ID
		}
	}
	return hexadecimal(name)
}

func hexadecimal(text string) (number uint16) {
	fmt.Sscanf(text, "0x%x", &number) // a name that is none stays 0
	return number
}
