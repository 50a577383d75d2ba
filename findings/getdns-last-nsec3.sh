#!/bin/sh
# getdns finds it bogus that a name made by a wildcard has no record of a type, if the NSEC3 record
# of the wildcard is the last one of its zone.
#
# Debian 12 packages: getdns-utils 1.6.0-3+b1 with its library libgetdns10 1.6.0-3+b1, knot 3.2.6-1, unbound
# 1.17.1-2+deb12u4, bind9-utils and bind9-dnsutils (for dig and delv). They are fetched by apt-get, as root, and
# unpacked into a temporary folder.
#
# getdns is a library that validates; Stubby is made with it. The zone has two wildcards, each with an A record
# alone, and NSEC3 without salt and without more iterations, as RFC 9276 wants it. So the hashes are
# always these, and that of *.hosts is the greatest:
#
#	e1of37i7lidduk1i10mh8lna5uf0p0g2	last.test
#	i1tdl3c74q4s2um9dsvmik4eqns7s8ig	ns.last.test
#	6qmqc1j03n78hqp2gtbclhdbmi228vjb	shop.last.test
#	jlasucrmd6h96dmoqanis8s4j708agci	*.shop.last.test
#	5ludgkvfh2cdh1ei294g62clm024v3th	hosts.last.test
#	ua39c7uf1alvhh24ohcu49sm1nml7cib	*.hosts.last.test
#
#	a.hosts A	secure
#	a.hosts AAAA	bogus
#	a.shop A	secure
#	a.shop AAAA	secure
#
# The denial has the three records that it takes (RFC 5155 §7.2.5): that of the wildcard, which lacks the
# type, that of the name above it, and one that covers the name. The last NSEC3 record of a zone
# has the first hash as its next one (RFC 5155 §3.1.7); it matches its own name as all others do.
#
# delv and a validating Unbound find all four secure. Before getdns is an Unbound that does not validate, for
# getdns asks one address for all of the chain. As Stubby, with dnssec: GETDNS_EXTENSION_TRUE, it answers SERVFAIL.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='getdns-utils=1.6.0-3+b1 libgetdns10=1.6.0-3+b1 knot=3.2.6-1 unbound=1.17.1-2+deb12u4 bind9-utils bind9-dnsutils'
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

server=${SERVER_PORT:-15447}
mkdir "$dir/db"
cat >"$dir/last.zone" <<'ZONE'
$ORIGIN last.test.
$TTL 3600
@ SOA ns admin 1 7200 3600 86400 3600
@ NS ns
ns A 127.0.0.1
*.shop A 192.0.2.1
*.hosts A 192.0.2.2
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
    nsec3: on
    nsec3-iterations: 0
    nsec3-salt-length: 0
zone:
  - domain: last.test.
    file: $dir/last.zone
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    dnssec-signing: on
    dnssec-policy: p
CONF
knotd -c "$dir/knot.conf" >"$dir/knot.log" 2>&1 &
knot=$!

# until_it_is_up PORT LOG
until_it_is_up() {
	tries=0
	until dig @127.0.0.1 -p "$1" last.test SOA +tries=1 +time=2 +dnssec | grep -q RRSIG; do
		tries=$((tries + 1))
		[ "$tries" -lt 40 ] || { cat "$2" >&2; exit 2; }
		sleep 0.25
	done
}
until_it_is_up "$server" "$dir/knot.log"
dig @127.0.0.1 -p "$server" last.test DNSKEY +noall +answer | grep 'DNSKEY[[:space:]]*257 ' >"$dir/key"
dnssec-dsfromkey -2 -f "$dir/key" last.test >"$dir/ds" || exit 2
sed 's/.*DS \([0-9]*\) \([0-9]*\) \([0-9]*\) \(.*\)/trust-anchors { last.test. static-ds \1 \2 \3 "\4"; };/' \
	"$dir/ds" >"$dir/anchors"

# A copy: Debian's AppArmor profile keeps the installed one out of temporary folders.
cp "$(command -v unbound)" "$dir/bin-unbound"
# unbound PORT MODULES
unbound() {
	cat >"$dir/$1.conf" <<CONF
remote-control:
 control-enable: no
server:
 interface: 127.0.0.1@$1
 module-config: "$2"
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
 name: "last.test"
 stub-addr: 127.0.0.1@$server
CONF
	"$dir/bin-unbound" -d -c "$dir/$1.conf" >"$dir/$1.log" 2>&1 &
	unbounds="$unbounds $!"
	until_it_is_up "$1" "$dir/$1.log"
}
plain=${PLAIN_PORT:-15448} validating=${VALIDATING_PORT:-15449}
unbound "$plain" iterator
unbound "$validating" "validator iterator"

# The three say what they think of a NAME and TYPE.
getdns() {
	getdns_query -s -f "$dir/key" "@127.0.0.1:$plain" +dnssec_return_all_statuses "$1.last.test" "$2" |
		sed -n '/"dnssec_status": GETDNS_DNSSEC_/ { s/.*GETDNS_DNSSEC_\([A-Z]*\).*/\1/p; q; }'
}
delv() {
	command delv @127.0.0.1 -p "$plain" -a "$dir/anchors" +root=last.test "$1.last.test" "$2" 2>&1 |
		sed -n 's/^; \(.*validated.*\)$/\1/p'
}
ask() {
	dig @127.0.0.1 -p "$validating" "$1.last.test" "$2" +dnssec +tries=1 +time=5 |
		awk '/status:/ { sub(/.*status: /, ""); sub(/,.*/, ""); rcode = $0 }
			/^;; flags:.* ad[ ;]/ { ad = " AD" }
			END { print rcode ad }'
}

getdns_query -v 2>&1 | head -1
knotd -V
status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
expect "The last NSEC3 record" \
	"$(dig @127.0.0.1 -p "$server" a.hosts.last.test AAAA +dnssec +noall +authority |
		awk '$4 == "NSEC3" && $1 ~ /^ua39c7uf1alvhh24ohcu49sm1nml7cib\./ { print tolower($9) }')" \
	"5ludgkvfh2cdh1ei294g62clm024v3th"
for question in "a.hosts A" "a.hosts AAAA" "a.shop A" "a.shop AAAA"; do
	name=${question% *} type=${question#* }
	want=SECURE
	[ "$question" = "a.hosts AAAA" ] && want=BOGUS
	negative=''
	[ "$type" = AAAA ] && negative='negative response, '
	expect "Unbound, $question" "$(ask "$name" "$type")" "NOERROR AD"
	expect "delv, $question" "$(delv "$name" "$type")" "${negative}fully validated"
	expect "getdns, $question" "$(getdns "$name" "$type")" "$want"
done
exit $status
