package queue

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/danesmtp/danesmtp/dane"
)

// TestClusterThatExists: three NATS servers with JetStream, whose users are those of the page, do as well as
// the one in serve. It runs where DANESURVEY_CLUSTER is set: on a busy machine one run of some ten was given nothing
// to do for five minutes, and why is not known.
func TestClusterThatExists(t *testing.T) {
	if os.Getenv("DANESURVEY_CLUSTER") == "" {
		t.Skip("SKIPPED: DANESURVEY_CLUSTER is not set")
	}
	operator, worker := newUser(t), newUser(t)
	users := regexp.MustCompile(`(?s)\n    \{nkey: OPERATOR.*?\n\n`).FindString(page(t))
	users = strings.NewReplacer("OPERATOR", publicOf(t, operator), "WORKER", publicOf(t, worker)).Replace(users)
	if strings.Count(users, "nkey") != 2 {
		t.Fatalf("the page has other users: %s", users)
	}
	nodes := startCluster(t, 3, users)
	conn, err := nats.Connect(nodes[0].ClientURL(), KeyOption(operator))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	w := newWorld(t)
	f := newFolder(t, w, 300)
	st := f.create(t)
	defer st.Close()
	s := newServer(conn, st, f.dir)
	s.Name, s.Vantages = "survey", []string{"fra"}
	var workers []*Worker
	for _, node := range nodes[1:] {
		one := newWorker(node.ClientURL(), "fra", &dane.Checker{Verifier: w.verifier()})
		one.Name, one.Options = "survey", []nats.Option{KeyOption(worker)}
		workers = append(workers, one)
	}
	runWorkers(t, s, workers...)
	checkRows(t, st, f, w.states(t), "fra")
}

// startCluster starts so many NATS servers, and returns when they have JetStream.
func startCluster(t *testing.T, n int, users string) (nodes []*server.Server) {
	t.Helper()
	var routes []string
	for range n {
		routes = append(routes, freePort(t))
	}
	for i, listen := range routes {
		dir := t.TempDir()
		config := fmt.Sprintf(`server_name: n%d, listen: "127.0.0.1:-1", max_payload: 8MB
jetstream: {store_dir: %q, max_file_store: 256MB, max_memory_store: 16MB}
cluster: {name: c, listen: %q, routes: ["nats://%s"]}
authorization: {users: [%s]}
`, i+1, dir, listen, strings.Join(routes, `", "nats://`), users)
		file := filepath.Join(dir, "nats.conf")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		options, err := server.ProcessConfigFile(file)
		if err != nil {
			t.Fatalf("%v\n%s", err, config)
		}
		options.NoSigs, options.NoLog = true, true
		node, err := server.NewServer(options)
		if err != nil {
			t.Fatal(err)
		}
		node.Start()
		t.Cleanup(node.WaitForShutdown)
		t.Cleanup(node.Shutdown)
		nodes = append(nodes, node)
	}
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		leads := slices.ContainsFunc(nodes, func(s *server.Server) bool { return s.JetStreamIsLeader() })
		current := !slices.ContainsFunc(nodes, func(s *server.Server) bool { return !s.JetStreamIsCurrent() })
		if leads && current {
			return nodes
		}
		if time.Now().After(until) {
			t.Fatal("the cluster has no leader after 30 s")
		}
	}
}

func newUser(t *testing.T) nkeys.KeyPair {
	t.Helper()
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicOf(t *testing.T, key nkeys.KeyPair) string {
	t.Helper()
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}
