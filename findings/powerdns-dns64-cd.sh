#!/bin/sh
# PowerDNS Recursor with dns64-prefix makes up IPv6 addresses for those, too, who ask with DO and CD because they
# validate by themselves: they find every signed name bogus that has an IPv4 address alone.
#
# Debian 12 packages: pdns-recursor 4.8.8-1+deb12u1, knot 3.2.6-1, which signs, unbound 1.17.1-2+deb12u4, bind9
# (named), bind9-utils and bind9-dnsutils (for dig and delv). They are fetched by apt-get, as root, and unpacked
# into a temporary folder.
#
#	four.made.test	A 192.0.2.4, and no AAAA
#	six.made.test	A and AAAA
#
# Asked for four AAAA with DO and CD, with validation on (dnssec=validate):
#
#	PowerDNS Recursor		AAAA 64:ff9b::c000:204, without a signature; in the authority section
#					the signed proof that there is no AAAA record
#	named, dns64			no record, and the proof
#	Unbound, module dns64		no record, and the proof
#
# A resolver that validates and does DNS64 must not synthesize if CD and DO are both set; it returns what it got,
# and leaves both validation and synthesis to who asks (RFC 6147 §5.5, item 3). delv +cdflag, which asks so
# and validates, fails for four AAAA; behind the other two it validates that there is none. four A and six AAAA
# are right everywhere. With dnssec=process and dnssec=process-no-validate PowerDNS Recursor does the same.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='pdns-recursor=4.8.8-1+deb12u1 knot=3.2.6-1 unbound=1.17.1-2+deb12u4 bind9 bind9-utils bind9-dnsutils'
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

server=${SERVER_PORT:-15455} recursor=${RECURSOR_PORT:-15456} named=${NAMED_PORT:-15457} unbound=${RESOLVER_PORT:-15458}
mkdir "$dir/db" "$dir/recursor" "$dir/named"
cat >"$dir/made.zone" <<'ZONE'
$ORIGIN made.test.
$TTL 3600
@ SOA ns admin 1 7200 3600 86400 3600
@ NS ns
ns A 127.0.0.1
four A 192.0.2.4
six A 192.0.2.6
six AAAA 2001:db8::6
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
  - domain: made.test.
    file: $dir/made.zone
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
	until dig @127.0.0.1 -p "$1" made.test SOA +tries=1 +time=2 +dnssec | grep -q RRSIG; do
		tries=$((tries + 1))
		[ "$tries" -lt 40 ] || { cat "$2" >&2; exit 2; }
		sleep 0.25
	done
}
until_it_is_up "$server" "$dir/knot.log"
dig @127.0.0.1 -p "$server" made.test DNSKEY +noall +answer | grep 'DNSKEY[[:space:]]*257 ' |
	dnssec-dsfromkey -2 -f - made.test >"$dir/ds" || exit 2
digest='s/.*DS \([0-9]*\) \([0-9]*\) \([0-9]*\) \(.*\)'
sed "$digest"'/trust-anchors { made.test. static-ds \1 \2 \3 "\4"; };/' "$dir/ds" >"$dir/anchors"
sed "$digest"'/addTA("made.test", "\1 \2 \3 \4")/' "$dir/ds" >"$dir/recursor/lua"

cat >"$dir/recursor/recursor.conf" <<CONF
local-address=127.0.0.1
local-port=$recursor
socket-dir=$dir/recursor
dnssec=validate
dns64-prefix=64:ff9b::/96
lua-config-file=$dir/recursor/lua
forward-zones=made.test=127.0.0.1:$server
hint-file=no
security-poll-suffix=
dont-query=
CONF
cat >"$dir/named.conf" <<CONF
options {
	directory "$dir/named";
	listen-on port $named { 127.0.0.1; };
	listen-on-v6 { none; };
	pid-file none;
	session-keyfile "$dir/named/session.key";
	recursion yes;
	dnssec-validation yes;
	dns64 64:ff9b::/96 { clients { any; }; };
};
controls { };
include "$dir/anchors";
zone "made.test" { type forward; forward only; forwarders { 127.0.0.1 port $server; }; };
CONF
cat >"$dir/unbound.conf" <<CONF
remote-control:
 control-enable: no
server:
 interface: 127.0.0.1@$unbound
 module-config: "dns64 validator iterator"
 dns64-prefix: 64:ff9b::/96
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
 name: "made.test"
 stub-addr: 127.0.0.1@$server
CONF
# Copies: Debian's AppArmor profiles keep the installed ones out of temporary folders.
for program in pdns_recursor named unbound; do cp "$(command -v $program)" "$dir/bin-$program"; done
"$dir/bin-pdns_recursor" --config-dir="$dir/recursor" >"$dir/recursor.log" 2>&1 &
running="$running $!"
"$dir/bin-named" -g -n 1 -c "$dir/named.conf" >"$dir/named.log" 2>&1 &
running="$running $!"
"$dir/bin-unbound" -d -c "$dir/unbound.conf" >"$dir/unbound.log" 2>&1 &
running="$running $!"
until_it_is_up "$recursor" "$dir/recursor.log"
until_it_is_up "$named" "$dir/named.log"
until_it_is_up "$unbound" "$dir/unbound.log"

# ask PORT NAME: what comes for AAAA with DO and CD: the addresses, and the types of records with signatures
ask() {
	dig @127.0.0.1 -p "$1" "$2.made.test" AAAA +dnssec +cd +tries=1 +time=5 >"$dir/reply"
	awk '/status:/ { sub(/.*status: /, ""); sub(/,.*/, ""); out = $0 }
		/^;;.*SECTION/ { answer = /ANSWER/ }
		answer && /^[^;]/ && $4 == "AAAA" { out = out " " $5 }
		/^[^;]/ && $4 == "RRSIG" { signed[$5] = 1 }
		END {
			out = out "; signed:"
			if (signed["AAAA"]) out = out " AAAA"
			if (signed["NSEC"]) out = out " NSEC"
			print out
		}' "$dir/reply"
}
# validate PORT NAME TYPE: what delv says
validate() {
	delv @127.0.0.1 -p "$1" +cdflag -a "$dir/anchors" +root=made.test "$2.made.test" "$3" >"$dir/delv" 2>&1
	sed -n -e 's/^; \(.*validated.*\)$/\1/p' -e '/ncache nxrrset/!s/^;; \(resolution failed: .*\)$/\1/p' "$dir/delv"
}

"$dir/bin-pdns_recursor" --version 2>&1 | sed -n 's/.*\(PowerDNS Recursor [0-9.]*\).*/\1/p'
"$dir/bin-named" -v
"$dir/bin-unbound" -V | head -1
status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
expect "PowerDNS Recursor, four" "$(ask "$recursor" four)" "NOERROR 64:ff9b::c000:204; signed: NSEC"
expect "PowerDNS Recursor, six" "$(ask "$recursor" six)" "NOERROR 2001:db8::6; signed: AAAA"
expect "delv behind it, four AAAA" "$(validate "$recursor" four AAAA)" "resolution failed: insecurity proof failed"
expect "delv behind it, four A" "$(validate "$recursor" four A)" "fully validated"
expect "delv behind it, six AAAA" "$(validate "$recursor" six AAAA)" "fully validated"
for other in "named $named" "Unbound $unbound"; do
	expect "${other% *}, four" "$(ask "${other#* }" four)" "NOERROR; signed: NSEC"
	expect "delv behind it, four AAAA" "$(validate "${other#* }" four AAAA)" "negative response, fully validated"
done
exit $status
