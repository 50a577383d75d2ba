package daemon

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// firstFile is the first descriptor that systemd passes (sd_listen_fds(3)).
const firstFile = 3

// Activated returns the listeners that systemd has opened for this process; none if it was
// started in another way.
func Activated() ([]net.Listener, error) {
	if pid, err := strconv.Atoi(os.Getenv("LISTEN_PID")); err != nil || pid != os.Getpid() {
		return nil, nil
	}
	count, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || count < 0 || count > 64 {
		return nil, fmt.Errorf("LISTEN_FDS=%q is not the number of sockets", os.Getenv("LISTEN_FDS"))
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	var all []net.Listener
	for fd := firstFile; fd < firstFile+count; fd++ {
		file := os.NewFile(uintptr(fd), "socket of systemd")
		l, err := net.FileListener(file) // has a copy
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("socket %d of systemd: %w", fd, err)
		}
		all = append(all, l)
	}
	return all, nil
}

// Notify tells systemd the state of this process (sd_notify(3)), such as "READY=1". Where
// nobody wants to know it does nothing.
func Notify(state ...string) error {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(strings.Join(state, "\n")))
	return err
}
