package nsupdate_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/examples/daneverify/internal/nsupdate"
	"github.com/danesmtp/danesmtp/internal/limittest"
)

func TestLimitsOfUpdates(t *testing.T) {
	t.Parallel()
	limittest.Table(t, "../../../../SECURITY.md", "What `daneverify tlsa update` reads and waits for (examples/daneverify/internal/nsupdate)", map[string]limittest.Row{
		"a file of a key":                       {Limit: "16 kB", Check: limitOfKeyFiles},
		"the secret in it":                      {Limit: "512 octets", Check: limitOfSecrets},
		"aliases that lead to the records":      {Limit: "8", Check: limitOfAliases},
		"time for one exchange with the server": {Limit: "20 seconds (Client.Timeout)", Check: limitOfTime},
		"a message":                             {Limit: "65535 octets", Check: limitOfMessages},
	})
}

func limitOfKeyFiles(t *testing.T) {
	const most = 16 << 10
	file := filepath.Join(t.TempDir(), "key")
	for size, good := range map[int]bool{most: true, most + 1: false} {
		text := sample("hmac-sha256:ddns:SECRET\n")
		text += "#" + strings.Repeat("x", size-len(text)-1)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := nsupdate.ReadKey(file); (err == nil) != good || !good && !strings.Contains(err.Error(), "longer than 16384 octets") {
			t.Errorf("%d octets: %v", size, err)
		}
	}
}

func limitOfSecrets(t *testing.T) {
	for size, good := range map[int]bool{512: true, 513: false} {
		text := "hmac-sha512:ddns:" + base64.StdEncoding.EncodeToString(make([]byte, size))
		if _, err := nsupdate.ParseKey(text); (err == nil) != good || !good && !strings.Contains(err.Error(), "1 to 512 octets") {
			t.Errorf("%d octets: %v", size, err)
		}
	}
}

func limitOfAliases(t *testing.T) {
	for n, good := range map[int]bool{8: true, 9: false} {
		p := newPrimary("CNAME a1.example.")
		for i := 1; i < n; i++ {
			p.Set(fmt.Sprintf("a%d.example.", i), fmt.Sprintf("CNAME a%d.example.", i+1))
		}
		p.Set(fmt.Sprintf("a%d.example.", n), first)
		set, err := newClient(t, p, "hmac-sha256:ddns:SECRET").Lookup(t.Context(), owner)
		if (err == nil) != good || good && (len(set.Aliases) != n || len(set.Records) != 1) {
			t.Errorf("%d aliases: %v, %v", n, set, err)
		}
	}
}

func limitOfTime(t *testing.T) {
	for wait, good := range map[time.Duration]bool{19 * time.Second: true, 21 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			p := newPrimary(first)
			p.Before = func(*dns.Msg) { time.Sleep(wait) }
			client := newClient(t, p, "hmac-sha256:ddns:SECRET")
			client.Timeout = 0
			start := time.Now()
			err := client.Update(t.Context(), change())
			if took := time.Since(start); (err == nil) != good || !good && (took != 20*time.Second || !errors.Is(err, nsupdate.ErrNoReply)) {
				t.Errorf("a server that takes %v: %v after %v", wait, err, took)
			}
			time.Sleep(time.Minute) // the server has done its work
		})
	}
}

func limitOfMessages(t *testing.T) {
	for octets, good := range map[int]bool{60000: true, 70000: false} {
		c := change()
		for i := range octets / 2000 {
			c.Before = append(c.Before, record(fmt.Sprintf("TLSA 3 0 0 %04x%s", i, strings.Repeat("aa", 1950))))
		}
		p := newPrimary(first)
		err := newClient(t, p, "hmac-sha256:ddns:SECRET").Update(t.Context(), c)
		if tooLarge := err != nil && strings.Contains(err.Error(), "too large for a message"); tooLarge == good {
			t.Errorf("%d octets: %v", octets, err)
		}
	}
}

// change adds the second record to the first.
func change() *nsupdate.Change {
	return &nsupdate.Change{Zone: "example.", Owner: owner, Before: []*dns.TLSA{record(first)}, Add: []*dns.TLSA{record(second)}, TTL: 600}
}
