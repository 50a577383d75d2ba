#!/bin/sh
# Unbound, asked for the CNAME record of an alias whose target does not exist, says with AD that
# the alias does not exist; asked once more, it says that all is well.
#
# Debian 12 packages: unbound 1.17.1-2+deb12u4, knot 3.2.6-1, bind9-dnsutils (for dig). They are
# fetched by apt-get, as root, and unpacked into a temporary folder.
#
#	old.alias.test		CNAME	gone.alias.test, which does not exist
#	new.alias.test		CNAME	ns.alias.test
#
#	old CNAME		NXDOMAIN with AD, and the record in the answer
#	old CNAME, again	NOERROR with AD, and the record in the answer
#	new CNAME		NOERROR with AD both times
#
# A query for CNAME ends at the record (RFC 1034 §3.6.2): what becomes of the target has no part in
# the answer, and NXDOMAIN is for names that do not exist (RFC 2308 §2.1, RFC 6604 §3). knot says NOERROR.
#
# QNAME minimisation (on by default, RFC 9156) asks that server for old.alias.test A; its
# answer is the CNAME, and NXDOMAIN of the target, with proof. Unbound takes it for the answer to
# CNAME, and validates it as one to an alias that was followed. unbound.conf(5) says that after NXDOMAIN
# from a signed zone the query is not sent anew with its own type, and does not say that this
# decides about names that exist. The record is kept, and answers the next query.
#
# Without qname-minimisation, or as a forwarder (forward-zone), Unbound is right at once. BIND 9.18.49 (with
# qname-minimization strict and relaxed), PowerDNS Recursor 4.8.8 and Knot Resolver 5.6.0 (as forwarders) were right.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='unbound=1.17.1-2+deb12u4 knot=3.2.6-1 bind9-dnsutils'
dir=$(mktemp -d) || exit 2
mkdir -p "$dir/archives/partial" "$dir/root"
apt-get install -qq -y --no-install-recommends --download-only --reinstall \
	-o Dir::Cache::archives="$dir/archives" $packages >"$dir/apt" 2>&1 ||
	{ cat "$dir/apt" >&2; rm -rf "$dir"; exit 2; }
for package in "$dir"/archives/*.deb; do dpkg -x "$package" "$dir/root"; done
PATH=$dir/root/usr/sbin:$dir/root/usr/bin:$PATH:/usr/sbin
LD_LIBRARY_PATH=$dir/root/usr/lib/$(uname -m)-linux-gnu
export PATH LD_LIBRARY_PATH
knot='' unbounds=''
stop() {
	for pid in $knot $unbounds; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 2' INT TERM

server=${SERVER_PORT:-15441}
mkdir "$dir/db"
cat >"$dir/alias.zone" <<'ZONE'
$ORIGIN alias.test.
$TTL 3600
@ SOA ns admin 1 7200 3600 86400 3600
@ NS ns
ns A 127.0.0.1
old CNAME gone
new CNAME ns
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

# A copy: Debian's AppArmor profile keeps the installed one out of temporary folders.
cp "$(command -v unbound)" "$dir/bin-unbound"
# unbound PORT OPTION KIND: starts one with an option of its own, and a stub-zone or forward-zone
unbound() {
	cat >"$dir/$1.conf" <<CONF
remote-control:
 control-enable: no
server:
 interface: 127.0.0.1@$1
 $2
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
$3-zone:
 name: "alias.test"
 $3-addr: 127.0.0.1@$server
CONF
	"$dir/bin-unbound" -d -c "$dir/$1.conf" >"$dir/$1.log" 2>&1 &
	unbounds="$unbounds $!"
	until_it_is_up "$1" "$dir/$1.log"
}
first=${FIRST_PORT:-15442} plain=${PLAIN_PORT:-15443} forwarder=${FORWARDER_PORT:-15444}
unbound "$first" "qname-minimisation: yes" stub
unbound "$plain" "qname-minimisation: no" stub
unbound "$forwarder" "qname-minimisation: yes" forward

"$dir/bin-unbound" -V | head -1
knotd -V
status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
right="NOERROR AD CNAME"
expect "knot on CNAME" "$(ask "$server" old.alias.test CNAME)" "NOERROR CNAME"
expect "knot on A" "$(ask "$server" old.alias.test A)" "NXDOMAIN CNAME"
expect "Unbound on CNAME" "$(ask "$first" old.alias.test CNAME)" "NXDOMAIN AD CNAME"
expect "Unbound on CNAME, again" "$(ask "$first" old.alias.test CNAME)" "$right"
expect "Unbound on CNAME of the other" "$(ask "$first" new.alias.test CNAME)" "$right"
expect "Unbound without qname-minimisation on CNAME" "$(ask "$plain" old.alias.test CNAME)" "$right"
expect "Unbound as a forwarder on CNAME" "$(ask "$forwarder" old.alias.test CNAME)" "$right"
exit $status
