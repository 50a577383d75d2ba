package anchor

import (
	"context"
	"sync"
)

// A Store keeps the state of trust points between runs. It must be safe for concurrent use.
// [FileStore] is one.
type Store interface {
	// Load returns what is stored, or nil if nothing has been written yet. A store that
	// cannot be read, or makes no sense, is an error: it must not pass for an empty one.
	Load() ([]*TrustPoint, error)

	// Update replaces what is stored by what change returns. change gets what is stored,
	// which it may alter, and nobody else writes meanwhile. If it returns false, nothing
	// is written.
	Update(ctx context.Context, change func([]*TrustPoint) ([]*TrustPoint, bool)) error
}

// memory is the Store of a Tracker without one. It ends with the process.
type memory struct {
	mu     sync.Mutex
	points []*TrustPoint
}

func (m *memory) Load() ([]*TrustPoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return clones(m.points), nil
}

func (m *memory) Update(_ context.Context, change func([]*TrustPoint) ([]*TrustPoint, bool)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.points, _ = change(clones(m.points))
	return nil
}

func clones(points []*TrustPoint) []*TrustPoint {
	var all []*TrustPoint
	for _, p := range points {
		all = append(all, p.clone())
	}
	return all
}
