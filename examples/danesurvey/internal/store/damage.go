package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"
)

// ErrDamaged says that the checkpoint cannot be read, as after a fault of a disk.
var ErrDamaged = errors.New("it is damaged; put a copy back, or begin another survey: zstdcat reads the rows in the files beside it")

// A checkpoint is a Bolt file whose damage is an error. Bolt panics by pages that are not what they
// must be, and reads where a file that was cut off has no more, by which a process ends.
type checkpoint struct {
	*bolt.DB
	damaged atomic.Bool // while it was opened or written: Bolt holds locks then
}

// View is [bolt.DB.View].
func (c *checkpoint) View(read func(*bolt.Tx) error) error {
	return c.guard(nil, func() error { return c.DB.View(read) })
}

// Update is [bolt.DB.Update].
func (c *checkpoint) Update(write func(*bolt.Tx) error) error {
	return c.guard(&c.damaged, func() error { return c.DB.Update(write) })
}

// Close lets others have the file. One that was damaged while it was written stays open, and locked,
// until the process ends, since Bolt would wait for ever for what holds it.
func (c *checkpoint) Close() error {
	if c.damaged.Load() {
		return nil
	}
	return c.DB.Close()
}

// guard makes an error of what Bolt does about damage.
func (c *checkpoint) guard(damaged *atomic.Bool, do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if problem := recover(); problem != nil {
			if damaged != nil {
				damaged.Store(true)
			}
			err = fmt.Errorf("%s: %w (%v)", c.name(), ErrDamaged, problem)
		}
	}()
	return do()
}

func (c *checkpoint) name() string {
	if c.DB == nil {
		return checkpointFile
	}
	return c.DB.Path()
}

// openBolt opens the file of a folder.
func openBolt(dir string, options *bolt.Options) (*checkpoint, error) {
	c := new(checkpoint)
	err := c.guard(&c.damaged, func() (err error) {
		c.DB, err = bolt.Open(filepath.Join(dir, checkpointFile), fileMode, options)
		return err
	})
	return c, err
}

// inspect reads all of the checkpoint, so that damage shows before anything is written, and not after
// hours.
func (c *checkpoint) inspect() error {
	return c.View(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			b := tx.Bucket(name)
			if b == nil {
				return fmt.Errorf("%s: %w (there is no %s)", c.name(), ErrDamaged, name)
			}
			if err := b.ForEach(func(k, v []byte) error { return nil }); err != nil {
				return err
			}
		}
		return nil
	})
}
