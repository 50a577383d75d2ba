//go:build interop

package browser

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// A view is how somebody looks at a page.
type view struct {
	name   string
	width  int
	height int
	dark   bool
	print  bool
	scale  float64 // 0 is 1
}

// A tab is an empty page that shows one file, and keeps what happened.
type tab struct {
	t       *testing.T
	browser *chromium
	session string
	loaded  chan struct{}

	mu       sync.Mutex
	requests []string // all URLs that were asked for
	problems []string // errors and warnings of the console, the page's policy among them
}

type params = map[string]any

func (b *chromium) open(t *testing.T, v view) *tab {
	t.Helper()
	tab := &tab{t: t, browser: b, loaded: make(chan struct{}, 1)}
	var target struct{ TargetID string }
	must(t, b.call("", "Target.createTarget", params{"url": "about:blank"}, &target))
	var attached struct{ SessionID string }
	must(t, b.call("", "Target.attachToTarget", params{"targetId": target.TargetID, "flatten": true}, &attached))
	tab.session = attached.SessionID
	b.mu.Lock()
	b.events[tab.session] = tab.event
	b.mu.Unlock()
	t.Cleanup(func() { b.call("", "Target.closeTarget", params{"targetId": target.TargetID}, nil) })
	for _, domain := range []string{"Page", "Runtime", "Log", "Network", "DOM", "Accessibility"} {
		tab.call(domain+".enable", nil, nil)
	}
	tab.call("Emulation.setDeviceMetricsOverride", params{
		"width": v.width, "height": v.height, "deviceScaleFactor": max(v.scale, 1), "mobile": v.width < 600,
	}, nil)
	media, scheme := "screen", "light"
	if v.print {
		media = "print"
	}
	if v.dark {
		scheme = "dark"
	}
	tab.call("Emulation.setEmulatedMedia", params{"media": media, "features": []params{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	return tab
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (tab *tab) call(method string, params, result any) {
	tab.t.Helper()
	must(tab.t, tab.browser.call(tab.session, method, params, result))
}

// event keeps what a page should not cause.
func (tab *tab) event(m message) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	switch m.Method {
	case "Page.loadEventFired":
		select {
		case tab.loaded <- struct{}{}:
		default:
		}
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		if json.Unmarshal(m.Params, &p) == nil {
			tab.requests = append(tab.requests, p.Request.URL)
		}
	case "Runtime.exceptionThrown", "Runtime.consoleAPICalled":
		tab.problems = append(tab.problems, string(m.Params))
	case "Log.entryAdded":
		var p struct {
			Entry struct{ Level, Text, URL string }
		}
		if json.Unmarshal(m.Params, &p) == nil {
			tab.problems = append(tab.problems, fmt.Sprintf("%s: %s %s", p.Entry.Level, p.Entry.Text, p.Entry.URL))
		}
	}
}

// load shows a file, and fails the test for anything that it asks for, and any error.
func (tab *tab) load(file string) {
	tab.t.Helper()
	url := "file://" + file
	tab.call("Page.navigate", params{"url": url}, nil)
	<-tab.loaded
	tab.eval(`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`, new(bool)) // it is painted
	tab.mu.Lock()
	defer tab.mu.Unlock()
	if len(tab.requests) != 1 || tab.requests[0] != url {
		tab.t.Errorf("requests %q, want no other than for the page", tab.requests)
	}
	if len(tab.problems) > 0 {
		tab.t.Errorf("problems:\n%s", strings.Join(tab.problems, "\n"))
	}
}

// eval evaluates JavaScript from outside, which no policy of the page forbids.
func (tab *tab) eval(expression string, result any) {
	tab.t.Helper()
	var reply struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	tab.call("Runtime.evaluate", params{"expression": expression, "returnByValue": true, "awaitPromise": true}, &reply)
	if reply.ExceptionDetails != nil {
		tab.t.Fatalf("%s: %s", expression, reply.ExceptionDetails)
	}
	must(tab.t, json.Unmarshal(reply.Result.Value, result))
}

// screenshot returns a PNG of the page from its top; height 0 is all of it.
func (tab *tab) screenshot(width, height int) []byte {
	tab.t.Helper()
	if height == 0 {
		tab.eval(`document.documentElement.scrollHeight`, &height)
	}
	var shot struct{ Data []byte }
	tab.call("Page.captureScreenshot", params{
		"captureBeyondViewport": true, "clip": params{"x": 0, "y": 0, "width": width, "height": min(height, 16000), "scale": 1},
	}, &shot)
	return shot.Data
}

// pdf returns the page as it is printed.
func (tab *tab) pdf() []byte {
	tab.t.Helper()
	var printed struct{ Data []byte }
	tab.call("Page.printToPDF", params{"paperWidth": 8.27, "paperHeight": 11.69}, &printed)
	return printed.Data
}
