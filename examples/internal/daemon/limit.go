package daemon

import (
	"net"
	"sync"
	"time"
)

// A Limit is a listener that has a limited number of connections. When one more comes, the
// one that was idle for the longest is closed, so that nobody can keep others out by
// connections that are of no use.
type Limit struct {
	net.Listener
	// Connections is how many there may be; at least one.
	Connections int
	// Closed is told of each that is closed for another. Nil is for nobody.
	Closed func(remote net.Addr, idle time.Duration)

	mu   sync.Mutex
	open map[*limited]struct{}
}

// Accept returns the next connection.
func (l *Limit) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &limited{Conn: conn, limit: l, used: time.Now()}
	l.mu.Lock()
	if l.open == nil {
		l.open = make(map[*limited]struct{})
	}
	var oldest *limited
	if len(l.open) >= l.Connections {
		oldest = l.oldest()
		delete(l.open, oldest)
	}
	l.open[c] = struct{}{}
	l.mu.Unlock()
	if oldest != nil {
		if l.Closed != nil {
			l.Closed(oldest.RemoteAddr(), time.Since(oldest.lastUsed()))
		}
		oldest.Conn.Close()
	}
	return c, nil
}

// oldest returns the connection that was idle for the longest.
func (l *Limit) oldest() (oldest *limited) {
	for c := range l.open {
		if oldest == nil || c.lastUsed().Before(oldest.lastUsed()) {
			oldest = c
		}
	}
	return oldest
}

// Open returns how many connections there are.
func (l *Limit) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// A limited connection remembers when it was used.
type limited struct {
	net.Conn
	limit *Limit

	mu   sync.Mutex
	used time.Time
}

func (c *limited) lastUsed() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used
}

func (c *limited) use(n int) {
	if n > 0 {
		c.mu.Lock()
		c.used = time.Now()
		c.mu.Unlock()
	}
}

func (c *limited) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.use(n)
	return n, err
}

func (c *limited) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.use(n)
	return n, err
}

func (c *limited) Close() error {
	c.limit.mu.Lock()
	delete(c.limit.open, c)
	c.limit.mu.Unlock()
	return c.Conn.Close()
}
