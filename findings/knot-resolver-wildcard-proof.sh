#!/bin/sh
# Knot Resolver, with validation turned off, leaves out the proof that belongs to an answer from a wildcard:
# whoever validates behind it finds every such answer bogus.
#
# Debian 12 packages: knot-resolver 5.6.0-1+deb12u1, knot 3.2.6-1, which signs, unbound 1.17.1-2+deb12u4, bind9-utils
# and bind9-dnsutils (for dig and delv). They are fetched by apt-get, as root, and unpacked into a temporary folder.
#
# The zone card.test has *.card.test A. Knot Resolver forwards to an Unbound without validation, which forwards
# to the server. It is asked with DO and CD, once without a trust anchor (trust_anchors.remove('.')), and once
# with that of the zone (trust_anchors.add):
#
#			a.card.test A		ns.card.test AAAA, which there is not
#	Unbound		A, its RRSIG, and NSEC	NSEC
#	without anchor	A and its RRSIG		NSEC
#	with anchor	A, its RRSIG, and NSEC	NSEC
#
# That the wildcard applies is part of the answer: NSEC or NSEC3 records show that there is no closer
# name, and the answer is not authentic without them (RFC 4035 §3.1.3.3, §5.3.4). Whoever sets DO is to get them, and
# Knot Resolver passes on all other records of that kind: signatures, keys, and proofs that something does
# not exist. It is the same with NSEC3, and when it answers from its cache.
#
# delv fails behind the first, and validates behind the second and behind Unbound.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='knot-resolver=5.6.0-1+deb12u1 knot=3.2.6-1 unbound=1.17.1-2+deb12u4 bind9-utils bind9-dnsutils'
dir=$(mktemp -d) || exit 2
mkdir -p "$dir/archives/partial" "$dir/root"
apt-get install -qq -y --no-install-recommends --download-only --reinstall \
	-o Dir::Cache::archives="$dir/archives" $packages >"$dir/apt" 2>&1 ||
	{ cat "$dir/apt" >&2; rm -rf "$dir"; exit 2; }
for package in "$dir"/archives/*.deb; do dpkg -x "$package" "$dir/root"; done
PATH=$dir/root/usr/sbin:$dir/root/usr/bin:$PATH:/usr/sbin
LD_LIBRARY_PATH=$dir/root/usr/lib/$(uname -m)-linux-gnu
export PATH LD_LIBRARY_PATH
running=''
stop() {
	for pid in $running; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 2' INT TERM

server=${SERVER_PORT:-15461} unbound=${RESOLVER_PORT:-15462} without=${WITHOUT_PORT:-15463} with=${WITH_PORT:-15464}
mkdir "$dir/db"
cat >"$dir/card.zone" <<'ZONE'
$ORIGIN card.test.
$TTL 3600
@ SOA ns admin 1 7200 3600 86400 3600
@ NS ns
ns A 127.0.0.1
* A 192.0.2.1
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
  - domain: card.test.
    file: $dir/card.zone
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    dnssec-signing: on
    dnssec-policy: p
CONF
knotd -c "$dir/knot.conf" >"$dir/knot.log" 2>&1 &
running=$!

# until_it_is_up PORT LOG
until_it_is_up() {
	tries=0
	until dig @127.0.0.1 -p "$1" card.test SOA +tries=1 +time=2 +dnssec +cd | grep -q RRSIG; do
		tries=$((tries + 1))
		[ "$tries" -lt 40 ] || { cat "$2" >&2; exit 2; }
		sleep 0.25
	done
}
until_it_is_up "$server" "$dir/knot.log"
dig @127.0.0.1 -p "$server" card.test DNSKEY +noall +answer | grep 'DNSKEY[[:space:]]*257 ' |
	dnssec-dsfromkey -2 -f - card.test >"$dir/ds" || exit 2
sed 's/.*DS \([0-9]*\) \([0-9]*\) \([0-9]*\) \(.*\)/trust-anchors { card.test. static-ds \1 \2 \3 "\4"; };/' \
	"$dir/ds" >"$dir/anchors"

cat >"$dir/unbound.conf" <<CONF
remote-control:
 control-enable: no
server:
 interface: 127.0.0.1@$unbound
 module-config: "iterator"
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
stub-zone:
 name: "card.test"
 stub-addr: 127.0.0.1@$server
CONF
# Copies: Debian's AppArmor profiles keep the installed ones out of temporary folders.
for program in unbound kresd; do cp "$(command -v $program)" "$dir/bin-$program"; done
"$dir/bin-unbound" -d -c "$dir/unbound.conf" >"$dir/unbound.log" 2>&1 &
running="$running $!"
until_it_is_up "$unbound" "$dir/unbound.log"

# knot_resolver PORT ANCHORS: kresd looks for its modules in /usr/lib alone; so it gets a view of its own
# there, with those of the package before what this machine has.
knot_resolver() {
	mkdir "$dir/$1"
	cat >"$dir/$1/conf" <<CONF
for _, m in ipairs({'priming', 'ta_update', 'ta_signal_query', 'detect_time_skew'}) do modules.unload(m) end
net.ipv6 = false
net.listen('127.0.0.1', $1, {kind = 'dns'})
cache.open(10*MB, 'lmdb://$dir/$1/cache')
trust_anchors.remove('.')
$2
policy.add(policy.all(policy.FORWARD('127.0.0.1@$unbound')))
CONF
	(
		cd "$dir/$1" && exec unshare --mount sh -c \
			'mount -t overlay overlay -o "lowerdir=$1:/usr/lib" /usr/lib && shift && exec "$@"' \
			sh "$dir/root/usr/lib" "$dir/bin-kresd" -n -c "$dir/$1/conf"
	) >"$dir/$1/log" 2>&1 &
	running="$running $!"
	until_it_is_up "$1" "$dir/$1/log"
}
knot_resolver "$without" ""
knot_resolver "$with" "trust_anchors.add('$(cat "$dir/ds")')"

# ask PORT NAME TYPE: the rcode, and the types in the answer and authority sections that matter
ask() {
	dig @127.0.0.1 -p "$1" "$2.card.test" "$3" +dnssec +cd +tries=1 +time=5 >"$dir/reply"
	awk '/status:/ { sub(/.*status: /, ""); sub(/,.*/, ""); rcode = $0 }
		/^;;.*SECTION/ { known = /ANSWER|AUTHORITY/ }
		known && /^[^;]/ && ($4 == "A" || $4 == "NSEC") { types = types " " $4 }
		known && /^[^;]/ && $4 == "RRSIG" && ($5 == "A" || $5 == "NSEC") { types = types " " $4 }
		END { print rcode types }' "$dir/reply"
}
# validate PORT NAME TYPE: what delv says
validate() {
	delv @127.0.0.1 -p "$1" +cdflag -a "$dir/anchors" +root=card.test "$2.card.test" "$3" >"$dir/delv" 2>&1
	sed -n -e 's/^; \(.*validated.*\)$/\1/p' -e '/ncache nxrrset/!s/^;; \(resolution failed: .*\)$/\1/p' "$dir/delv"
}

"$dir/bin-kresd" --version
"$dir/bin-unbound" -V | head -1
status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
# resolver WHAT PORT ANSWER VERDICT
resolver() {
	expect "$1, wildcard" "$(ask "$2" a A)" "NOERROR $3"
	expect "$1, wildcard once more" "$(ask "$2" a A)" "NOERROR $3"
	expect "delv behind it" "$(validate "$2" a A)" "$4"
	expect "$1, no such record" "$(ask "$2" ns AAAA)" "NOERROR NSEC RRSIG"
	expect "delv behind it" "$(validate "$2" ns AAAA)" "negative response, fully validated"
}
resolver "Unbound" "$unbound" "A RRSIG NSEC RRSIG" "fully validated"
resolver "Knot Resolver without anchor" "$without" "A RRSIG" "resolution failed: no valid NSEC"
resolver "Knot Resolver with anchor" "$with" "A RRSIG NSEC RRSIG" "fully validated"
exit $status
