#!/bin/sh
# dnsmasq with --dnssec answers SERVFAIL for every name below a DNAME in a signed zone that is an
# alias by it, though the resolver behind it answers with AD, and delv validates that answer.
#
# Debian 12 packages: dnsmasq-base 2.90-4~deb12u2, unbound 1.17.1-2+deb12u4 as the resolver behind it, knot
# 3.2.6-1 as the signer, bind9-dnsutils (for dig and delv). They are fetched by apt-get, as root, and
# unpacked into a temporary folder.
#
#	tree.alias.test			DNAME	there.alias.test
#	x.there.alias.test		A	127.0.0.2
#	_25._tcp.x.there.alias.test	TLSA	3 1 1 …
#	plain.alias.test		CNAME	x.there.alias.test
#
#	tree DNAME		NOERROR with AD
#	plain A			NOERROR with AD: an alias as such is no trouble
#	x.tree A		SERVFAIL; with CD the whole answer, and without --dnssec, too
#	_25._tcp.x.tree TLSA	the same
#
# The CNAME that a server makes of a DNAME has no signature: what proves it is that of the DNAME beside it (RFC 6672
# §5.3.1; §5.3.4 has validators understand that). dnsmasq verifies the DNAME, and then finds the
# CNAME without a signature. It looks for a DS record that would make its zone an unsigned one, gets
# what comes of the DNAME to that question, too, and says BOGUS in its log. Its manual has nothing on DNAME.
#
# Behind BIND 9.18.49 and PowerDNS Recursor 4.8.8 it is the same. These two, Unbound, and Knot Resolver 5.6.0
# validate the answer.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='dnsmasq-base=2.90-4~deb12u2 unbound=1.17.1-2+deb12u4 knot=3.2.6-1 bind9-dnsutils'
dir=$(mktemp -d) || exit 2
mkdir -p "$dir/archives/partial" "$dir/root"
apt-get install -qq -y --no-install-recommends --download-only --reinstall \
	-o Dir::Cache::archives="$dir/archives" $packages >"$dir/apt" 2>&1 ||
	{ cat "$dir/apt" >&2; rm -rf "$dir"; exit 2; }
for package in "$dir"/archives/*.deb; do dpkg -x "$package" "$dir/root"; done
PATH=$dir/root/usr/sbin:$dir/root/usr/bin:$PATH:/usr/sbin
LD_LIBRARY_PATH=$dir/root/usr/lib/$(uname -m)-linux-gnu
export PATH LD_LIBRARY_PATH
knot='' unbound='' dnsmasqs=''
stop() {
	for pid in $knot $unbound $dnsmasqs; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 2' INT TERM

server=${SERVER_PORT:-15451} resolver=${RESOLVER_PORT:-15452}
checks=${CHECKS_PORT:-15453} plain=${PLAIN_PORT:-15454}
mkdir "$dir/db"
cat >"$dir/alias.zone" <<'ZONE'
$ORIGIN alias.test.
$TTL 3600
@ SOA ns admin 1 7200 3600 86400 3600
@ NS ns
ns A 127.0.0.1
tree DNAME there
x.there A 127.0.0.2
_25._tcp.x.there TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
plain CNAME x.there
ZONE
cat >"$dir/knot.conf" <<CONF
server:
  listen: 127.0.0.1@$server
  rundir: $dir
database:
  storage: $dir/db
policy:
  - id: p
    algorithm: ecdsap256sha256
zone:
  - domain: alias.test.
    file: $dir/alias.zone
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    dnssec-signing: on
    dnssec-policy: p
CONF
knotd -c "$dir/knot.conf" >"$dir/knot.log" 2>&1 &
knot=$!

# ask PORT NAME TYPE [FLAG]: the rcode, AD if it is set, and the types in the answer without RRSIG.
ask() {
	port=$1 name=$2 type=$3
	shift 3
	dig @127.0.0.1 -p "$port" "$name" "$type" +dnssec +tries=1 +time=5 "$@" >"$dir/reply"
	awk '/status:/ { rcode = $0; sub(/.*status: /, "", rcode); sub(/,.*/, "", rcode) }
		/^;; flags:.* ad[ ;]/ { ad = " AD" }
		/^;;.*SECTION/ { answer = /ANSWER/ }
		answer && /^[^;]/ && $4 != "RRSIG" { types = types " " $4 }
		END { print rcode ad types }' "$dir/reply"
}
# until_it_is_up PORT LOG
until_it_is_up() {
	tries=0
	until dig @127.0.0.1 -p "$1" alias.test SOA +tries=1 +time=2 +dnssec | grep -q RRSIG; do
		tries=$((tries + 1))
		[ "$tries" -lt 40 ] || { cat "$2" >&2; exit 2; }
		sleep 0.25
	done
}
until_it_is_up "$server" "$dir/knot.log"
keymgr -c "$dir/knot.conf" alias.test. ds >"$dir/ds" || exit 2

# Copies: Debian's AppArmor profiles keep the installed ones out of temporary folders.
for program in unbound dnsmasq; do cp "$(command -v $program)" "$dir/bin-$program" || exit 2; done
cat >"$dir/unbound.conf" <<CONF
remote-control:
 control-enable: no
server:
 interface: 127.0.0.1@$resolver
 directory: ""
 chroot: ""
 username: ""
 pidfile: ""
 logfile: ""
 use-syslog: no
 do-daemonize: no
 do-ip6: no
 do-not-query-localhost: no
 local-zone: "test." nodefault
 trust-anchor-file: "$dir/ds"
 trust-anchor-signaling: no
stub-zone:
 name: "alias.test"
 stub-addr: 127.0.0.1@$server
CONF
"$dir/bin-unbound" -d -c "$dir/unbound.conf" >"$dir/unbound.log" 2>&1 &
unbound=$!
until_it_is_up "$resolver" "$dir/unbound.log"

set -- $(grep ' 13 2 ' "$dir/ds")
anchor=$3,$4,$5,$6
echo "trust-anchors { alias.test. static-ds $3 $4 $5 \"$6\"; };" >"$dir/anchors"
# dnsmasq PORT [OPTION]…: starts one that asks Unbound for the zone, and nobody for anything else
dnsmasq() {
	port=$1
	shift
	"$dir/bin-dnsmasq" --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file \
		--port="$port" --listen-address=127.0.0.1 --bind-interfaces --log-facility=- \
		--server="/alias.test/127.0.0.1#$resolver" "$@" >"$dir/$port.log" 2>&1 &
	dnsmasqs="$dnsmasqs $!"
	until_it_is_up "$port" "$dir/$port.log"
}
# It wants an anchor of the root in any case: this is KSK-2017, for which nobody is asked here.
dnsmasq "$checks" --dnssec --trust-anchor="alias.test,$anchor" \
	--trust-anchor=.,20326,8,2,E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
dnsmasq "$plain" --proxy-dnssec

"$dir/bin-dnsmasq" --version | head -1
"$dir/bin-unbound" -V | head -1
knotd -V
status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
right="NOERROR AD DNAME CNAME A"
expect "Unbound on A" "$(ask "$resolver" x.tree.alias.test A)" "$right"
expect "delv on that" "$(
	delv @127.0.0.1 -p "$resolver" -a "$dir/anchors" +root=alias.test x.tree.alias.test A 2>&1 |
		sed -n 's/^; //p' | sort -u
)" "fully validated"
expect "dnsmasq on the DNAME" "$(ask "$checks" tree.alias.test DNAME)" "NOERROR AD DNAME"
expect "dnsmasq on A of a plain alias" "$(ask "$checks" plain.alias.test A)" "NOERROR AD CNAME A"
expect "dnsmasq on A" "$(ask "$checks" x.tree.alias.test A)" "SERVFAIL"
expect "dnsmasq on TLSA" "$(ask "$checks" _25._tcp.x.tree.alias.test TLSA)" "SERVFAIL"
expect "dnsmasq on A, with CD" "$(ask "$checks" x.tree.alias.test A +cd)" "NOERROR DNAME CNAME A"
expect "dnsmasq without --dnssec on A" "$(ask "$plain" x.tree.alias.test A)" "$right"
exit $status
