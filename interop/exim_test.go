//go:build interop

package interop

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Exim in the world sends by DANE whatever it is given. It has the trust of nobody but DANE.
const eximConf = `primary_hostname = exim.world.test
spool_directory = DIR/spool
log_file_path = DIR/%slog
log_selector = +tls_certificate_verified
exim_path = EXIM
never_users =
acl_not_smtp = accept
dns_dnssec_ok = 1
disable_ipv6
timeout_frozen_after = 1d
begin routers
mx:
  driver = dnslookup
  transport = smtp
  ignore_target_hosts = 127.0.0.0/8
  dnssec_request_domains = *
begin transports
smtp:
  driver = smtp
  hosts_try_dane = *
  connect_timeout = 5s
  command_timeout = 10s
begin retry
* * F,1h,1h
`

// The differences of Exim from the level dane of the table, by scenario. Any other fails the test,
// and so does one that is no more.
// They are the same behind Unbound, so they are not the resolver's.
var eximDifferences = map[string]difference{
	"agility":             {authenticated, eximAgility},
	"garbage":             {refused, eximUsable},
	"garbage-ta":          {refused, eximUsable},
	"host-alias-original": {encrypted, eximAlias},
	"host-alias-plain":    {encrypted, eximAlias},
	"domain-alias":        {refused, eximNames},
	"domain-alias-real":   {refused, eximNames},
	"ta-domain":           {refused, eximNames},
	"ee-serial":           {authenticated, serial},
	"ta-client":           {authenticated, "GnuTLS does not look at the extended key usage here (RFC 5280 §4.2.1.12)"},
	"ta-no-root":          {refused, "GnuTLS wants the authority itself in the chain, although the record holds it (RFC 7672 §3.1.2)"},
	"tls10":               {authenticated, "Debian's GnuTLS still has TLS 1.0 (RFC 8996 §3)"},
}

const (
	eximAgility = "GnuTLS takes any record that matches, also one by a weaker digest (RFC 7671 §9)"
	eximUsable  = "GnuTLS takes full data that cannot be read for a record that does not match"
	eximAlias   = "Exim looks below the end of a host's aliases alone, and wants the whole way there to be secure (RFC 7672 §2.2.2)"
	eximNames   = "Exim compares the certificate with the TLSA base domain alone (RFC 7672 §3.2.2)"
)

// testExim has Exim deliver to all scenarios.
func (w *world) testExim(t *testing.T) {
	w.settleExim(t)
	var recipients []string
	for i := range scenarios {
		recipients = append(recipients, "exim@"+scenarios[i].domain())
	}
	attempts := w.exim(t, recipients...)
	for i := range scenarios {
		s := &scenarios[i]
		got, want := attempts["exim@"+s.domain()], s.want[0]
		d, explained := eximDifferences[s.name]
		if explained {
			want = d.treatment
		}
		if got.treatment != want {
			t.Errorf("%s: %s: Exim: %q, want %s\n%s", s.name, s.why, got.treatment, want, got.text)
		}
		if explained && d.treatment == s.want[0] {
			t.Errorf("the difference %s is no difference", s.name)
		}
	}
	t.Logf("%d scenarios, %d differences", len(scenarios), len(eximDifferences))
	t.Run("trust-ad", w.testTrustAD)
}

// testTrustAD: without the option trust-ad in resolv.conf(5) the C library hides the AD bit. Postfix
// asks it not to, as the READMEs say, and Exim does not.
func (w *world) testTrustAD(t *testing.T) {
	for options, want := range map[string]treatment{"edns0": encrypted, "edns0 trust-ad": authenticated} {
		if _, err := w.site.writeFile("resolv.conf", "nameserver 127.0.0.1\noptions "+options+"\n"); err != nil {
			t.Fatal(err)
		}
		if got := w.exim(t, "exim@ee-key.signed")["exim@ee-key.signed"]; got.treatment != want {
			t.Errorf("%s: Exim: %s, want %s\n%s", options, got.treatment, want, got.text)
		}
		out, err := w.command("posttls-finger", "-a", "ipv4", "-l", "dane", "ee-key.signed")
		if err != nil || !strings.Contains(out, "Verified TLS connection") {
			t.Errorf("%s: posttls-finger: %v\n%s", options, err, out)
		}
	}
	if _, err := w.site.writeFile("resolv.conf", "nameserver 127.0.0.1\noptions edns0 trust-ad\n"); err != nil {
		t.Fatal(err)
	}
}

// settleExim makes what Exim needs.
func (w *world) settleExim(t *testing.T) {
	conf := strings.NewReplacer("DIR", w.site.path("exim"), "EXIM", eximProgram(t)).Replace(eximConf)
	if _, err := w.site.writeFile("exim.conf", conf); err != nil {
		t.Fatal(err)
	}
	const user = "Debian-exim" // built into the program
	w.addUser(t, user)
	if _, err := w.command("install", "-d", "-o", user, "-m", "755", w.site.path("exim")); err != nil {
		t.Fatal(err)
	}
}

// exim sends one message to all, and waits until each was tried.
func (w *world) exim(t *testing.T, recipients ...string) map[string]attempt {
	argv := append([]string{
		"sh", "-c", `printf 'Subject: test\n\nHello.\n' | "$@"`, "sh",
		eximProgram(t), "-C", w.site.path("exim.conf"), "-odf", "-f", "<>",
	}, recipients...)
	if out, err := w.command(argv...); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	log, err := os.ReadFile(w.site.path("exim/mainlog"))
	if err != nil {
		t.Fatal(err)
	}
	return readExim(string(log))
}

var eximLine = regexp.MustCompile(`^\S+ \S+ \S+ (=>|==|\*\*|->) (exim@[^\s:]+)(.*)`)

// readExim reads what became of each recipient in Exim's log.
func readExim(log string) map[string]attempt {
	attempts := map[string]attempt{}
	for line := range strings.Lines(log) {
		f := eximLine.FindStringSubmatch(line)
		if f == nil {
			continue
		}
		a := attempt{refused, line}
		if f[1] == "=>" || f[1] == "->" {
			switch {
			case strings.Contains(f[3], " CV=dane"):
				a.treatment = authenticated
			case strings.Contains(f[3], " X=TLS"):
				a.treatment = encrypted
			default:
				a.treatment = cleartext
			}
		}
		attempts[f[2]] = a
	}
	return attempts
}

// eximProgram returns Debian's exim4, which cannot be installed beside its postfix: it is
// taken out of the package, as .ci/run does.
func eximProgram(t *testing.T) string {
	program := os.Getenv("DANE_EXIM")
	if program == "" {
		var err error
		if program, err = exec.LookPath("exim4"); err != nil {
			t.Skip("there is no exim4, and DANE_EXIM is not set: apt-get download exim4-daemon-light; dpkg -x exim4-daemon-light_*.deb DIR")
		}
	}
	return program
}

// addUser makes a user in the world alone, whose name is built into a program.
func (w *world) addUser(t *testing.T, name string) {
	t.Helper()
	for file, line := range map[string]string{
		"/etc/passwd": name + ":x:7301:7301::/nonexistent:/usr/sbin/nologin\n",
		"/etc/group":  name + ":x:7301:\n",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all := regexp.MustCompile("(?m)^"+name+":.*\n").ReplaceAllString(string(text), "") + line
		own, err := w.site.writeFile(strings.ReplaceAll(file[1:], "/", "-"), all)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.command("mount", "--bind", own, file); err != nil {
			t.Fatal(err)
		}
	}
}
