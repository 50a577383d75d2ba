# What up, down and bench/peers share: bench/README.md says what the functions are for.
# Everything runs in a network namespace whose only interface is loopback: nothing that
# the laboratory starts reaches another network, and the machine's own port 53 and
# resolv.conf stay as they are.
LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
RUN=${RUN:-/var/cache/danesmtp-lab} # written by root, so not in /tmp
namespace=${LAB_NAMESPACE:-danesmtp-lab}
export PATH="$PATH:/usr/local/go/bin:/usr/local/sbin:/usr/sbin:/sbin"

ns() { ip netns exec "$namespace" "$@"; }

# start NAME COMMAND…: in the background, in place of what has that name
start() {
	local name=$1
	shift
	stop "$name"
	# ip becomes the command, so that the process is the command's.
	ip netns exec "$namespace" "$@" >"$RUN/$name.log" 2>&1 </dev/null &
	echo $! >"$RUN/$name.pid"
}

# stop NAME: ends what start began, and waits until it is gone
stop() {
	local pid
	[ -f "$RUN/$1.pid" ] || return 0
	pid=$(cat "$RUN/$1.pid")
	rm -f "$RUN/$1.pid"
	kill "$pid" 2>/dev/null || return 0
	for _ in $(seq 100); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.05
	done
	kill -9 "$pid" 2>/dev/null || true
}

answers() { ns "$RUN/bin/lab" wait "$1:53"; }
auth() { ns "$RUN/bin/lab" control 127.0.10.9:8053 "$1"; }
fwdctl() { ns "$RUN/bin/lab" control 127.0.11.9:8053 "$1"; }

peer() {
	case $1 in
	unbound*) start "$1" unbound -d -p -c "$RUN/$1.conf" ;;
	pdns) start pdns pdns_recursor --config-dir="$RUN/pdns" --socket-dir="$RUN/pdns" --daemon=no ;;
	*) echo "no peer $1" >&2; return 1 ;;
	esac
	answers "$(peeraddr "$1")"
}

peeraddr() {
	case $1 in
	unbound) echo 127.0.11.3 ;;
	unbound2) echo 127.0.11.4 ;;
	unbound-fwd) echo 127.0.11.5 ;;
	unbound-noqmin) echo 127.0.11.6 ;;
	pdns) echo 127.0.11.7 ;;
	unbound-dot) echo 127.0.11.8 ;;
	esac
}

cpu() { awk -v hz="$(getconf CLK_TCK)" '{sub(/.*\) /, ""); printf "%.2f", ($12+$13)/hz}' "/proc/$(cat "$RUN/$1.pid")/stat"; }
rss() { awk '/VmHWM/ {printf "%.1f", $2/1024}' "/proc/$(cat "$RUN/$1.pid")/status"; }
