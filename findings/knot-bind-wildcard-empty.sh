#!/bin/sh
# Knot DNS and BIND, in a zone with NSEC and a TLSA record at _25._tcp.* (an asterisk in the middle), leave
# a record out of the proof for names that do not exist: whoever validates finds the answer bogus.
#
# Debian 12 packages: knot 3.2.6-1 and bind9 1:9.18.49-1~deb12u3; for comparison nsd 4.6.1-1; before them unbound
# 1.17.1-2+deb12u4; bind9-utils, which signs, and bind9-dnsutils (for dig and delv). They are fetched by apt-get,
# as root, and unpacked into a temporary folder.
#
#	_25._tcp.*.star.test	TLSA	is no wildcard itself (RFC 4592 §2.1.1), but makes one of *.star.test, which
#					has no records of its own: an empty non-terminal
#
#	_dmarc TXT		no error, no records, as RFC 4592 §4.9 wants it, for the wildcard stands for the name.
#				One NSEC record, that the name does not exist. That the wildcard has no such record is
#				not proven (RFC 4035 §3.1.3.4): the record of the apex, which leads to _25._tcp.* and so
#				shows that *.star.test exists and is empty, does not come.
#	_25._tcp.other TLSA	the same
#	mail AAAA		right: no such record, but the name exists
#	_25._tcp.mail TLSA	right: the record
#	other.web AAAA		right: here *.web has an address, and so an NSEC record of its own
#
# Unbound answers SERVFAIL for the first two, and delv finds no proof. With NSD, which sends both
# records of the same signed zone, both find them secure; PowerDNS 4.7.3 sent both, too. With NSEC3
# Knot DNS and BIND were right.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='knot=3.2.6-1 bind9=1:9.18.49-1~deb12u3 nsd=4.6.1-1 unbound=1.17.1-2+deb12u4 bind9-utils bind9-dnsutils'
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
for program in knotd named nsd unbound; do
	cp "$(command -v $program)" "$dir/bin-$program" || exit 2
done

knot=${KNOT_PORT:-15470} bind=${BIND_PORT:-15471} nsd=${NSD_PORT:-15472}
mkdir "$dir/db" "$dir/keys"
cat >"$dir/star.zone" <<'ZONE'
$ORIGIN star.test.
$TTL 3600
@ SOA ns admin 1 7200 3600 86400 3600
@ NS ns
@ MX 10 mail
ns A 127.0.0.1
mail A 192.0.2.1
_25._tcp.mail TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
_25._tcp.* TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
*.web A 192.0.2.2
_25._tcp.*.web TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
ZONE
(
	cd "$dir" && dnssec-keygen -q -K keys -a 13 -f KSK star.test. && dnssec-keygen -q -K keys -a 13 star.test. &&
		dnssec-signzone -q -S -K keys -o star.test. -f star.signed star.zone &&
		dnssec-verify -q -o star.test. star.signed
) >"$dir/sign.log" 2>&1 || { cat "$dir/sign.log" >&2; exit 2; }
dnssec-dsfromkey -2 "$(grep -l ' 257 ' "$dir"/keys/*.key)" >"$dir/ds" || exit 2
sed 's/.*DS \([0-9]*\) \([0-9]*\) \([0-9]*\) \(.*\)/trust-anchors { star.test. static-ds \1 \2 \3 "\4"; };/' \
	"$dir/ds" >"$dir/anchors"

cat >"$dir/knot.conf" <<CONF
server:
  listen: 127.0.0.1@$knot
  rundir: $dir
database:
  storage: $dir/db
zone:
  - domain: star.test.
    file: $dir/star.signed
CONF
cat >"$dir/named.conf" <<CONF
options {
	directory "$dir"; pid-file none; session-keyfile "$dir/session";
	listen-on port $bind { 127.0.0.1; }; listen-on-v6 { none; };
	recursion no; dnssec-validation no;
};
controls { };
zone "star.test" { type primary; file "$dir/star.signed"; };
CONF
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
"$dir/bin-knotd" -c "$dir/knot.conf" >"$dir/$knot.log" 2>&1 &
running="$running $!"
"$dir/bin-named" -g -n 1 -c "$dir/named.conf" >"$dir/$bind.log" 2>&1 &
running="$running $!"
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
# unbound PORT SERVER-PORT
unbound() {
	cat >"$dir/$1.conf" <<CONF
remote-control:
 control-enable: no
server:
 interface: 127.0.0.1@$1
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
 stub-addr: 127.0.0.1@$2
CONF
	"$dir/bin-unbound" -d -c "$dir/$1.conf" >"$dir/$1.log" 2>&1 &
	running="$running $!"
	until_it_is_up "$1"
}

# proof PORT NAME TYPE: the rcode, and the NSEC records of a reply as "owner>next"
proof() {
	dig @127.0.0.1 -p "$1" "$2.star.test" "$3" +dnssec +tries=1 +time=5 >"$dir/reply"
	sed -n 's/.*status: \([A-Z]*\).*/\1/p' "$dir/reply" | head -1
	awk '$4 == "NSEC" { print $1 ">" $5 }' "$dir/reply" | sort
}
# ask PORT NAME TYPE: the rcode, and AD if it is set
ask() {
	dig @127.0.0.1 -p "$1" "$2.star.test" "$3" +dnssec +tries=1 +time=5 |
		awk '/status:/ { sub(/.*status: /, ""); sub(/,.*/, ""); rcode = $0 }
			/^;; flags:.* ad[ ;]/ { ad = " AD" }
			END { print rcode ad }'
}
delv() {
	command delv @127.0.0.1 -p "$1" -a "$dir/anchors" +root=star.test "$2.star.test" "$3" 2>&1 |
		awk '/^; .*validated/ { verdict = substr($0, 3) } END { print verdict ? verdict : "not proven" }'
}

"$dir/bin-knotd" -V
"$dir/bin-named" -v
"$dir/bin-nsd" -v 2>&1 | head -1
status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
apex='star.test.>_25._tcp.*.star.test.'
port=15473
for server in "Knot DNS/$knot" "BIND/$bind" "NSD/$nsd"; do
	name=${server%/*} at=${server#*/}
	until_it_is_up "$at"
	unbound "$port" "$at"
	more='' resolver=SERVFAIL verdict='not proven'
	[ "$name" = NSD ] && more=" $apex" resolver="NOERROR AD" verdict='negative response, fully validated'
	for question in "_dmarc TXT" "_25._tcp.other TLSA"; do
		covering='_25._tcp.*.star.test.>mail.star.test.'
		[ "$question" = "_25._tcp.other TLSA" ] && covering='ns.star.test.>*.web.star.test.'
		set -f # the asterisk is meant
		got=$(echo $(proof "$at" $question))
		set +f
		expect "$name, $question" "$got" "NOERROR $covering$more"
		expect "  Unbound" "$(ask "$port" $question)" "$resolver"
		expect "  delv" "$(delv "$at" $question)" "$verdict"
	done
	for question in "mail AAAA" "_25._tcp.mail TLSA" "other.web AAAA"; do
		expect "$name, by Unbound, $question" "$(ask "$port" $question)" "NOERROR AD"
	done
	port=$((port + 1))
done
exit $status
