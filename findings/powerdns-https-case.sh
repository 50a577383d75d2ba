#!/bin/sh
# PowerDNS signs, and validates, HTTPS, SVCB, LP and IPSECKEY records with the name in them
# in lower case: everybody else finds its signatures wrong, and it finds those of everybody else wrong.
#
# Debian 12 packages: pdns-server 4.7.3-2 and pdns-backend-bind 4.7.3-2, pdns-recursor 4.8.8-1+deb12u1;
# to sign and to judge knot 3.2.6-1 with knot-dnssecutils, bind9-utils, ldnsutils 1.8.3-1+b1, unbound
# 1.17.1-2+deb12u4, and bind9-dnsutils (for dig). They are fetched by apt-get, as root, and unpacked
# into a temporary folder.
#
# Names in RDATA are lower-cased for a signature in the types that RFC 4034 §6.2 lists, and in no
# others (RFC 3597 §7, RFC 6840 §5.1): MX and SRV are there, HTTPS, SVCB, LP and IPSECKEY are not. The
# zone has each with MAIL in capitals, and HTTPS once more in small letters.
#
#	zone signed by PowerDNS		dnssec-verify, ldns-verify-zone and kzonecheck reject the signatures
#					of those four, and no other; Unbound answers SERVFAIL
#	zone signed by dnssec-signzone	the three verifiers and Unbound find nothing wrong; PowerDNS
#					Recursor answers SERVFAIL for those four, and no other
#
# PowerDNS Recursor and PowerDNS agree with each other. The same with NSEC3 in place of NSEC, and
# with zones that ldns-signzone signs. pdnsutil zonemd-verify-file (RFC 8976) finds the digest wrong of
# zones with such records, made by ldns-signzone and taken by knot, too.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='pdns-server=4.7.3-2 pdns-backend-bind=4.7.3-2 pdns-recursor=4.8.8-1+deb12u1 knot=3.2.6-1 knot-dnssecutils=3.2.6-1 unbound=1.17.1-2+deb12u4 ldnsutils=1.8.3-1+b1 bind9-utils bind9-dnsutils'
dir=$(mktemp -d) || exit 2
mkdir -p "$dir/archives/partial" "$dir/root"
apt-get install -qq -y --no-install-recommends --download-only --reinstall \
	-o Dir::Cache::archives="$dir/archives" $packages >"$dir/apt" 2>&1 ||
	{ cat "$dir/apt" >&2; rm -rf "$dir"; exit 2; }
for package in "$dir"/archives/*.deb; do dpkg -x "$package" "$dir/root"; done
lib=$dir/root/usr/lib/$(uname -m)-linux-gnu
PATH=$dir/root/usr/sbin:$dir/root/usr/bin:$PATH:/usr/sbin
LD_LIBRARY_PATH=$lib
export PATH LD_LIBRARY_PATH
running=''
stop_servers() {
	for pid in $running; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
	running=''
}
stop() {
	stop_servers
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 2' INT TERM
# Copies: Debian's AppArmor profiles keep the installed ones out of temporary folders.
for program in pdns_server pdns_recursor unbound knotd; do
	cp "$(command -v $program)" "$dir/bin-$program" || exit 2
done

server=${SERVER_PORT:-15435} recursor=${RECURSOR_PORT:-15436} unbound=${RESOLVER_PORT:-15437}
cat >"$dir/case.zone" <<'ZONE'
$ORIGIN case.test.
$TTL 3600
@ SOA ns admin 1 7200 3600 86400 3600
@ NS ns
ns A 127.0.0.1
mx MX 10 MAIL.case.test.
srv SRV 1 2 3 MAIL.case.test.
small HTTPS 1 mail.case.test. alpn=h2
https HTTPS 1 MAIL.case.test. alpn=h2
svcb SVCB 1 MAIL.case.test. alpn=h2
lp LP 10 MAIL.case.test.
ipseckey IPSECKEY 10 3 2 MAIL.case.test. AQID
ZONE

# verdict SED COMMAND…: "fine" if the command says so, else the types that SED finds in what it prints
verdict() {
	find=$1
	shift
	if "$@" >"$dir/verdict" 2>&1; then echo fine; else sed -n "$find" "$dir/verdict" | sort | xargs; fi
}
# judge ZONE-FILE: the verdicts of three verifiers
judge() {
	echo "$(
		verdict 's/^No correct [A-Z0-9]* signature for [^ ]* \([A-Z]*\)$/\1/p' dnssec-verify -o case.test. "$1"
	); $(
		verdict 's/.*Bogus DNSSEC signature for [^[:space:]]*[[:space:]]*//p' ldns-verify-zone "$1"
	); $(
		verdict '/no valid signature.*(record type \(HTTPS\|IPSECKEY\|LP\|SVCB\))$/s/.*/one of these/p' \
			kzonecheck -v -d on -o case.test. "$1"
	);"
}
# until_it_is_up PORT LOG
until_it_is_up() {
	tries=0
	until dig @127.0.0.1 -p "$1" case.test SOA +tries=1 +time=2 +dnssec | grep -q RRSIG; do
		tries=$((tries + 1))
		[ "$tries" -lt 40 ] || { cat "$2" >&2; exit 2; }
		sleep 0.25
	done
}
# resolvers: Unbound and PowerDNS Recursor in front of the server
resolvers() {
	rm -rf "$dir/resolvers"
	mkdir "$dir/resolvers"
	dig @127.0.0.1 -p "$server" case.test DNSKEY +noall +answer | grep 'DNSKEY[[:space:]]*257 ' |
		dnssec-dsfromkey -2 -f - case.test >"$dir/ds" || exit 2
	sed 's/.*DS \([0-9 ]*\) \([^ ]*\) *\([^ ]*\)$/addTA("case.test", "\1 \2\3")/' "$dir/ds" >"$dir/resolvers/lua"
	cat >"$dir/resolvers/recursor.conf" <<CONF
local-address=127.0.0.1
local-port=$recursor
socket-dir=$dir/resolvers
dnssec=validate
lua-config-file=$dir/resolvers/lua
forward-zones=case.test=127.0.0.1:$server
hint-file=no
security-poll-suffix=
dont-query=
CONF
	cat >"$dir/resolvers/unbound.conf" <<CONF
remote-control:
 control-enable: no
server:
 interface: 127.0.0.1@$unbound
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
 name: "case.test"
 stub-addr: 127.0.0.1@$server
CONF
	"$dir/bin-pdns_recursor" --config-dir="$dir/resolvers" >"$dir/recursor.log" 2>&1 &
	running="$running $!"
	"$dir/bin-unbound" -d -c "$dir/resolvers/unbound.conf" >"$dir/unbound.log" 2>&1 &
	running="$running $!"
	until_it_is_up "$recursor" "$dir/recursor.log"
	until_it_is_up "$unbound" "$dir/unbound.log"
}
# answers PORT: what a resolver says to each name with its type; "secure" is NOERROR with AD
answers() {
	for question in "mx MX" "srv SRV" "small TYPE65" "https TYPE65" "svcb TYPE64" "lp LP" "ipseckey IPSECKEY"; do
		name=${question% *}
		dig @127.0.0.1 -p "$1" "$name.case.test" "${question#* }" +dnssec +tries=1 +time=5 | awk -v name="$name" '
			/status:/ { sub(/.*status: /, ""); sub(/,.*/, ""); rcode = $0 }
			/^;; flags:.* ad[ ;]/ { ad = 1 }
			END { printf "%s %s ", name, rcode == "NOERROR" && ad ? "secure" : rcode }'
	done
	echo
}

"$dir/bin-pdns_server" --version 2>&1 | sed -n 's/.*\(PowerDNS Authoritative Server [0-9.]*\).*/\1/p'
"$dir/bin-pdns_recursor" --version 2>&1 | sed -n 's/.*\(PowerDNS Recursor [0-9.]*\).*/\1/p'
status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
fine='mx secure srv secure small secure https secure svcb secure lp secure ipseckey secure '
four='mx secure srv secure small secure https SERVFAIL svcb SERVFAIL lp SERVFAIL ipseckey SERVFAIL '

mkdir "$dir/pdns"
cat >"$dir/pdns/named.conf" <<CONF
zone "case.test" { type master; file "$dir/case.zone"; };
CONF
cat >"$dir/pdns/pdns.conf" <<CONF
module-dir=$lib/pdns
launch=bind
bind-config=$dir/pdns/named.conf
bind-dnssec-db=$dir/pdns/keys.db
local-address=127.0.0.1
local-port=$server
socket-dir=$dir/pdns
allow-axfr-ips=127.0.0.0/8
security-poll-suffix=
CONF
pdnsutil --config-dir="$dir/pdns" create-bind-db "$dir/pdns/keys.db" >"$dir/pdns.log" 2>&1 &&
	pdnsutil --config-dir="$dir/pdns" secure-zone case.test >>"$dir/pdns.log" 2>&1 || { cat "$dir/pdns.log" >&2; exit 2; }
"$dir/bin-pdns_server" --config-dir="$dir/pdns" --daemon=no --guardian=no >>"$dir/pdns.log" 2>&1 &
running=$!
until_it_is_up "$server" "$dir/pdns.log"
dig @127.0.0.1 -p "$server" case.test AXFR +onesoa >"$dir/by-pdns.zone"
resolvers
echo "The zone signed by PowerDNS"
expect "  wrong by dnssec-verify, ldns-verify-zone and kzonecheck, which stops at the first" \
	"$(judge "$dir/by-pdns.zone")" "HTTPS IPSECKEY LP SVCB; HTTPS IPSECKEY LP SVCB; one of these;"
expect "  Unbound" "$(answers "$unbound")" "$four"
expect "  PowerDNS Recursor" "$(answers "$recursor")" "$fine"
stop_servers

(
	cd "$dir" && mkdir keys &&
		dnssec-keygen -q -K keys -a 13 -f KSK case.test. && dnssec-keygen -q -K keys -a 13 case.test. &&
		dnssec-signzone -q -S -K keys -o case.test. -O full -f by-bind.zone case.zone
) >"$dir/sign.log" 2>&1 || { cat "$dir/sign.log" >&2; exit 2; }
mkdir "$dir/db"
cat >"$dir/knot.conf" <<CONF
server:
  listen: 127.0.0.1@$server
  rundir: $dir
database:
  storage: $dir/db
zone:
  - domain: case.test.
    file: $dir/by-bind.zone
CONF
"$dir/bin-knotd" -c "$dir/knot.conf" >"$dir/knot.log" 2>&1 &
running=$!
until_it_is_up "$server" "$dir/knot.log"
resolvers
echo "The zone signed by dnssec-signzone, served by knot"
expect "  the same three" "$(judge "$dir/by-bind.zone")" "fine; fine; fine;"
expect "  Unbound" "$(answers "$unbound")" "$fine"
expect "  PowerDNS Recursor" "$(answers "$recursor")" "$four"
exit $status
