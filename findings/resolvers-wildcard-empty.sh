#!/bin/sh
# PowerDNS Recursor, Knot Resolver and Unbound each find answers bogus that are proven by a wildcard
# without records of its own: the first two all of them, Unbound those at the end of an alias.
#
# Debian 12 packages: pdns-recursor 4.8.8-1+deb12u1, knot-resolver 5.6.0-1+deb12u1, unbound 1.17.1-2+deb12u4; before a
# zone that nsd 4.6.1-1 serves; bind9-utils, which signs, and bind9-dnsutils (for dig and delv). They are fetched by
# apt-get, as root, and unpacked into a temporary folder. Knot Resolver's modules are mounted in a namespace of its own.
#
#	_25._tcp.*.star.test	TLSA	makes a wildcard of *.star.test (RFC 4592 §2.2.3), without records: an
#					empty non-terminal
#	alias.star.test		CNAME	gone.star.test, which does not exist
#
# Names that do not exist have no records then, and no error (RFC 4592 §4.9). NSD sends the two NSEC records
# that prove it: one covers the name, and the one of the apex covers the wildcard and leads to a name below
# it, which shows that the wildcard is there and empty.
#
#	gone TXT	Unbound and delv: secure. PowerDNS Recursor: SERVFAIL. Knot Resolver: SERVFAIL; asked
#			once more, NXDOMAIN with AD.
#	alias TXT	delv: secure. Unbound and PowerDNS Recursor: SERVFAIL. Knot Resolver as for gone.
#	alias CNAME	secure in each of them.
#
# With NSEC3 they are all right. The same is not seen where the wildcard has a record of its own:
# other.web AAAA is the control here.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='pdns-recursor=4.8.8-1+deb12u1 knot-resolver=5.6.0-1+deb12u1 unbound=1.17.1-2+deb12u4 nsd=4.6.1-1 bind9-utils bind9-dnsutils'
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
# Copies: Debian's AppArmor profiles keep the installed ones out of temporary folders.
for program in nsd unbound pdns_recursor kresd; do
	cp "$(command -v $program)" "$dir/bin-$program" || exit 2
done

nsd=${NSD_PORT:-15480} plain=${PLAIN_PORT:-15481}
unbound=${UNBOUND_PORT:-15482} recursor=${RECURSOR_PORT:-15483} knot=${KNOT_PORT:-15484}
mkdir "$dir/keys"
cat >"$dir/star.zone" <<'ZONE'
$ORIGIN star.test.
$TTL 3600
@ SOA ns admin 1 7200 3600 86400 3600
@ NS ns
ns A 127.0.0.1
alias CNAME gone
_25._tcp.* TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
*.web A 192.0.2.2
ZONE
(
	cd "$dir" && dnssec-keygen -q -K keys -a 13 -f KSK star.test. && dnssec-keygen -q -K keys -a 13 star.test. &&
		dnssec-signzone -q -S -K keys -o star.test. -f star.signed star.zone &&
		dnssec-verify -q -o star.test. star.signed
) >"$dir/sign.log" 2>&1 || { cat "$dir/sign.log" >&2; exit 2; }
dnssec-dsfromkey -2 "$(grep -l ' 257 ' "$dir"/keys/*.key)" >"$dir/ds" || exit 2
sed 's/.*DS \([0-9]*\) \([0-9]*\) \([0-9]*\) \(.*\)/trust-anchors { star.test. static-ds \1 \2 \3 "\4"; };/' \
	"$dir/ds" >"$dir/anchors"

cat >"$dir/nsd.conf" <<CONF
server:
 ip-address: 127.0.0.1@$nsd
 server-count: 1
 username: ""
 chroot: ""
 zonesdir: "$dir"
 database: ""
 pidfile: ""
 xfrdfile: "$dir/xfrd"
 zonelistfile: "$dir/zonelist"
remote-control:
 control-enable: no
zone:
 name: star.test
 zonefile: star.signed
CONF
"$dir/bin-nsd" -d -c "$dir/nsd.conf" >"$dir/$nsd.log" 2>&1 &
running="$running $!"

# until_it_is_up PORT
until_it_is_up() {
	tries=0
	until dig @127.0.0.1 -p "$1" star.test SOA +tries=1 +time=2 +dnssec | grep -q RRSIG; do
		tries=$((tries + 1))
		[ "$tries" -lt 40 ] || { cat "$dir/$1.log" >&2; exit 2; }
		sleep 0.25
	done
}
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
 name: "star.test"
 stub-addr: 127.0.0.1@$nsd
CONF
	"$dir/bin-unbound" -d -c "$dir/$1.conf" >"$dir/$1.log" 2>&1 &
	running="$running $!"
	until_it_is_up "$1"
}
until_it_is_up "$nsd"
unbound "$plain" iterator # for delv and Knot Resolver, which ask one address for all
unbound "$unbound" "validator iterator"

mkdir "$dir/recursor"
sed 's/.*DS \([0-9 ]*\) \([^ ]*\) *\([^ ]*\)$/addTA("star.test", "\1 \2\3")/' "$dir/ds" >"$dir/recursor/lua"
cat >"$dir/recursor/recursor.conf" <<CONF
local-address=127.0.0.1
local-port=$recursor
socket-dir=$dir/recursor
dnssec=validate
lua-config-file=$dir/recursor/lua
forward-zones=star.test=127.0.0.1:$nsd
hint-file=no
security-poll-suffix=
dont-query=
CONF
"$dir/bin-pdns_recursor" --config-dir="$dir/recursor" >"$dir/$recursor.log" 2>&1 &
running="$running $!"
until_it_is_up "$recursor"

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
policy.add(policy.all(policy.FORWARD('127.0.0.1@$plain')))
CONF
	(
		cd "$dir/$1" && exec unshare --mount sh -c \
			'mount -t overlay overlay -o "lowerdir=$1:/usr/lib" /usr/lib && shift && exec "$@"' \
			sh "$dir/root/usr/lib" "$dir/bin-kresd" -n -c "$dir/$1/conf"
	) >"$dir/$1.log" 2>&1 &
	running="$running $!"
	until_it_is_up "$1"
}
knot_resolver "$knot" "trust_anchors.add('$(cat "$dir/ds")')"

# ask PORT NAME TYPE: the rcode, AD if it is set, and the types in the answer without RRSIG.
ask() {
	dig @127.0.0.1 -p "$1" "$2.star.test" "$3" +dnssec +tries=1 +time=10 |
		awk '/status:/ { rcode = $0; sub(/.*status: /, "", rcode); sub(/,.*/, "", rcode) }
			/^;; flags:.* ad[ ;]/ { ad = " AD" }
			/^;;.*SECTION/ { answer = /ANSWER/ }
			answer && /^[^;]/ && $4 != "RRSIG" { types = types " " $4 }
			END { print rcode ad types }'
}
# proof NAME TYPE: the NSEC records of NSD's reply, as "owner>next"
proof() {
	dig @127.0.0.1 -p "$nsd" "$1.star.test" "$2" +dnssec +tries=1 +time=5 | awk '$4 == "NSEC" { print $1 ">" $5 }' | sort
}
delv() {
	command delv @127.0.0.1 -p "$plain" -a "$dir/anchors" +root=star.test "$1.star.test" "$2" 2>&1 |
		awk '/^; .*validated/ { verdict = substr($0, 3) } END { print verdict ? verdict : "not proven" }'
}

"$dir/bin-pdns_recursor" --version 2>&1 | sed -n 's/.*\(PowerDNS Recursor [0-9.]*\).*/\1/p'
"$dir/bin-kresd" --version
"$dir/bin-unbound" -V | head -1
status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
set -f # asterisks are meant
expect "NSD, gone TXT" "$(echo $(proof gone TXT))" 'alias.star.test.>ns.star.test. star.test.>_25._tcp.*.star.test.'
for question in "gone TXT" "other.web AAAA"; do
	expect "delv, $question" "$(delv $question)" "negative response, fully validated"
done
expect "delv, alias TXT" "$(delv alias TXT)" "fully validated"
# resolver WHAT PORT GONE AGAIN ALIAS
resolver() {
	expect "$1, other.web AAAA" "$(ask "$2" other.web AAAA)" "NOERROR AD"
	expect "$1, alias CNAME" "$(ask "$2" alias CNAME)" "NOERROR AD CNAME"
	expect "$1, gone TXT" "$(ask "$2" gone TXT)" "$3"
	expect "$1, gone TXT, again" "$(ask "$2" gone TXT)" "$4"
	expect "$1, alias TXT" "$(ask "$2" alias TXT)" "$5"
}
resolver Unbound "$unbound" "NOERROR AD" "NOERROR AD" SERVFAIL
resolver "PowerDNS Recursor" "$recursor" SERVFAIL SERVFAIL SERVFAIL
resolver "Knot Resolver" "$knot" SERVFAIL "NXDOMAIN AD" "NXDOMAIN AD CNAME"
exit $status
