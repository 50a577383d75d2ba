package queue

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/danesmtp/danesmtp/dane"
)

// TestClusterThatExists: three NATS servers with JetStream, whose users are those of the page, do as well as
// the one in serve, and when the node ends that leads the stream nothing is lost with it.
func TestClusterThatExists(t *testing.T) {
	t.Parallel()
	operator, worker := newUser(t), newUser(t)
	users := regexp.MustCompile(`(?s)\n    \{nkey: OPERATOR.*?\n\n`).FindString(page(t))
	users = strings.NewReplacer("OPERATOR", publicOf(t, operator), "WORKER", publicOf(t, worker)).Replace(users)
	if strings.Count(users, "nkey") != 2 {
		t.Fatalf("the page has other users: %s", users)
	}
	nodes := startCluster(t, 3, users)
	again := nats.ReconnectWait(100 * time.Millisecond)
	conn, err := nats.Connect(nodes[0].ClientURL(), KeyOption(operator), nats.MaxReconnects(-1), again)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	w := newWorld(t)
	f := newFolder(t, w, 2000)
	st := f.create(t)
	defer st.Close()
	s := newServer(conn, st, f.dir)
	s.Name, s.Vantages, s.api.wait = "survey", []string{"fra"}, time.Second
	var workers []*Worker
	for _, node := range nodes[1:] {
		one := newWorker(node.ClientURL(), "fra", &dane.Checker{Verifier: w.verifier()})
		one.Name, one.Options, one.api.wait = "survey", []nats.Option{KeyOption(worker), again}, time.Second
		one.Survey.Parallel = 2
		workers = append(workers, one)
	}
	var killing sync.WaitGroup
	killing.Go(func() {
		for rowsOf(t, st, "fra") == 0 && t.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		if before := killLeader(t, s, nodes); rowsOf(t, st, "fra") == len(f.lines) {
			t.Errorf("all was done when node %s ended", before)
		}
	})
	runWorkers(t, s, workers...)
	killing.Wait()
	checkRows(t, st, f, w.states(t), "fra")
	if n := s.counts.lost.Load(); n > 0 {
		t.Errorf("%d lines have got lost", n)
	}
}

// killLeader ends the node that leads the stream.
func killLeader(t *testing.T, s *Server, nodes []*server.Server) string {
	info, err := s.stream.Info(t.Context())
	if err != nil {
		t.Error(err)
		return ""
	}
	if info.Config.Replicas != len(nodes) || info.Cluster == nil {
		t.Errorf("the stream has %d replicas, of %d nodes", info.Config.Replicas, len(nodes))
		return ""
	}
	for _, node := range nodes {
		if node.Name() == info.Cluster.Leader {
			node.Shutdown()
		}
	}
	return info.Cluster.Leader
}

// startCluster starts so many NATS servers, and returns when they have JetStream.
func startCluster(t *testing.T, n int, users string) []*server.Server {
	t.Helper()
	for try := 0; ; try++ {
		nodes, listening := startNodes(t, n, users)
		for until := time.Now().Add(30 * time.Second); listening; time.Sleep(50 * time.Millisecond) {
			leads := slices.ContainsFunc(nodes, func(s *server.Server) bool { return s.JetStreamIsLeader() })
			current := !slices.ContainsFunc(nodes, func(s *server.Server) bool { return !s.JetStreamIsCurrent() })
			if leads && current {
				return nodes
			}
			if time.Now().After(until) {
				t.Fatal("the cluster has no leader after 30 s")
			}
		}
		if try == 9 {
			t.Fatal("the ports are always taken by others")
		}
		for _, node := range nodes {
			node.Shutdown()
		}
	}
}

// startNodes starts NATS servers. It is false if one does not listen for the others, as somebody else has the port
// meanwhile that was free.
func startNodes(t *testing.T, n int, users string) (nodes []*server.Server, listening bool) {
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
	for _, node := range nodes {
		if !node.ReadyForConnections(10*time.Second) || node.ClusterAddr() == nil {
			return nodes, false
		}
	}
	return nodes, true
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
