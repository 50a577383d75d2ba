#!/bin/sh
# PowerDNS with SQLite puts a label with a space in the wrong place among its NSEC records:
# resolvers that reuse those records (RFC 8198) say with AD that names do not exist which do.
#
# Debian 12 packages: pdns-server 4.7.3-2 and pdns-backend-sqlite3 4.7.3-2; before it unbound 1.17.1-2+deb12u4
# and bind9 (9.18.49), with their defaults; to judge ldnsutils 1.8.3-1+b1; sqlite3, bind9-utils and
# bind9-dnsutils (for dig). They are fetched by apt-get, as root, and unpacked into a temporary folder.
#
# A space in a name is usual where services are listed (RFC 6763 §4.1.1). The zone has a printer and a scanner:
#
#	Lab\032Printer._ipp._tcp	SRV
#	lab-scanner._ipp._tcp		SRV
#
# NSEC records follow the order of RFC 4034 §6.1, in which the space, 32, comes before the hyphen, 45. The
# database has the name as text with the escape, and sorts that: the backslash, 92, comes after the
# hyphen, and after all digits and capitals, and before the underline and the letters.
#
#	_ipp._tcp TXT			no such record, and an NSEC record from it to the scanner: it covers the printer
#	Lab\032Printer._ipp._tcp SRV	Unbound and BIND say NXDOMAIN with AD, once they have that record. Who
#					asks for the printer first gets it.
#	lab-z._ipp._tcp A		does not exist; the NSEC record leads from the scanner back to the printer, and
#					Unbound and BIND answer SERVFAIL
#
# pdnsutil check-zone finds no error, and ldns-verify-zone none in what a zone transfer gives, for there the chain is
# right. It is right, too, with the backend bind, and with NSEC3 (pdnsutil set-nsec3), which has hashes
# to sort. Bytes above 126 in a label are misplaced likewise. Knot Resolver 5.6.0 denied the printer, too; PowerDNS
# Recursor 4.8.8 found it.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='pdns-server=4.7.3-2 pdns-backend-sqlite3=4.7.3-2 unbound=1.17.1-2+deb12u4 ldnsutils=1.8.3-1+b1 sqlite3 bind9 bind9-utils bind9-dnsutils'
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
running='' resolvers=''
stop_resolvers() {
	for pid in $resolvers; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
	resolvers=''
}
stop() {
	stop_resolvers
	for pid in $running; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 2' INT TERM
# Copies: Debian's AppArmor profiles keep the installed ones out of temporary folders.
for program in pdns_server unbound named; do
	cp "$(command -v $program)" "$dir/bin-$program" || exit 2
done

server=${SERVER_PORT:-15466} unbound=${UNBOUND_PORT:-15467} bind=${BIND_PORT:-15468}
cat >"$dir/lab.zone" <<'ZONE'
$ORIGIN lab.test.
$TTL 3600
@ SOA ns.lab.test. admin.lab.test. 1 7200 3600 86400 3600
@ NS ns.lab.test.
ns A 127.0.0.1
_ipp._tcp PTR Lab\032Printer._ipp._tcp
_ipp._tcp PTR lab-scanner._ipp._tcp
Lab\032Printer._ipp._tcp SRV 0 0 631 ns
lab-scanner._ipp._tcp SRV 0 0 631 ns
ZONE
# until_it_is_up PORT LOG
until_it_is_up() {
	tries=0
	until dig @127.0.0.1 -p "$1" lab.test SOA +tries=1 +time=2 +dnssec | grep -q RRSIG; do
		tries=$((tries + 1))
		[ "$tries" -lt 40 ] || { cat "$2" >&2; exit 2; }
		sleep 0.25
	done
}
mkdir "$dir/pdns" "$dir/bind"
cat >"$dir/pdns/pdns.conf" <<CONF
module-dir=$lib/pdns
launch=gsqlite3
gsqlite3-database=$dir/pdns/db
gsqlite3-dnssec=yes
local-address=127.0.0.1
local-port=$server
socket-dir=$dir/pdns
allow-axfr-ips=127.0.0.0/8
security-poll-suffix=
CONF
sqlite3 "$dir/pdns/db" <"$dir/root/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql" >"$dir/pdns.log" 2>&1 &&
	pdnsutil --config-dir="$dir/pdns" load-zone lab.test "$dir/lab.zone" >>"$dir/pdns.log" 2>&1 &&
	pdnsutil --config-dir="$dir/pdns" secure-zone lab.test >>"$dir/pdns.log" 2>&1 &&
	pdnsutil --config-dir="$dir/pdns" rectify-zone lab.test >>"$dir/pdns.log" 2>&1 || { cat "$dir/pdns.log" >&2; exit 2; }
"$dir/bin-pdns_server" --config-dir="$dir/pdns" --daemon=no --guardian=no >>"$dir/pdns.log" 2>&1 &
running=$!
until_it_is_up "$server" "$dir/pdns.log"
dig @127.0.0.1 -p "$server" lab.test DNSKEY +noall +answer | grep 'DNSKEY[[:space:]]*257 ' |
	dnssec-dsfromkey -2 -f - lab.test >"$dir/ds" || exit 2

cat >"$dir/unbound.conf" <<CONF
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
 name: "lab.test"
 stub-addr: 127.0.0.1@$server
CONF
cat >"$dir/bind/named.conf" <<CONF
options {
	directory "$dir/bind"; pid-file none; session-keyfile "$dir/bind/key";
	listen-on port $bind { 127.0.0.1; }; listen-on-v6 { none; };
	recursion yes; dnssec-validation yes; empty-zones-enable no;
};
controls { };
trust-anchors {
$(sed 's/.*DS \([0-9]*\) \([0-9]*\) \([0-9]*\) \(.*\)/lab.test. static-ds \1 \2 \3 "\4";/' "$dir/ds")
};
zone "lab.test" { type forward; forward only; forwarders { 127.0.0.1 port $server; }; };
CONF
# start_resolvers: both, with nothing in their caches
start_resolvers() {
	"$dir/bin-unbound" -d -c "$dir/unbound.conf" >"$dir/unbound.log" 2>&1 &
	resolvers=$!
	"$dir/bin-named" -g -n 1 -c "$dir/bind/named.conf" >"$dir/bind.log" 2>&1 &
	resolvers="$resolvers $!"
	until_it_is_up "$unbound" "$dir/unbound.log"
	until_it_is_up "$bind" "$dir/bind.log"
}

# ask PORT NAME TYPE: the rcode, AD if it is set, and the types in the answer without RRSIG.
ask() {
	dig @127.0.0.1 -p "$1" "$2.lab.test" "$3" +dnssec +tries=1 +time=5 >"$dir/reply"
	awk '/status:/ { rcode = $0; sub(/.*status: /, "", rcode); sub(/,.*/, "", rcode) }
		/^;; flags:.* ad[ ;]/ { ad = " AD" }
		/^;;.*SECTION/ { answer = /ANSWER/ }
		answer && /^[^;]/ && $4 != "RRSIG" { types = types " " $4 }
		END { print rcode ad types }' "$dir/reply"
}
# next NAME: the name that the NSEC record of NAME leads to, in an answer and in a zone transfer
next() {
	dig @127.0.0.1 -p "$server" "$1.lab.test" TXT +dnssec +noall +authority |
		awk '$4 == "NSEC" { printf "%s", tolower($5) }'
	awk -v owner="$1.lab.test." 'tolower($1) == tolower(owner) && $4 == "NSEC" { print ", in a transfer " tolower($5) }' "$dir/transfer"
}
dig @127.0.0.1 -p "$server" lab.test AXFR +onesoa >"$dir/transfer"

"$dir/bin-pdns_server" --version 2>&1 | sed -n 's/.*\(PowerDNS Authoritative Server [0-9.]*\).*/\1/p'
"$dir/bin-unbound" -V | head -1
"$dir/bin-named" -v
status=0
# expect WHAT GOT WANT
expect() {
	printf "%s: %s\n" "$1" "$2"
	[ "$2" = "$3" ] || { printf "\twas: %s\n" "$3"; status=1; }
}
printer='Lab\032Printer._ipp._tcp' scanner=lab-scanner._ipp._tcp
small='lab\032printer._ipp._tcp.lab.test.'
expect "NSEC of _ipp._tcp to" "$(next _ipp._tcp)" "$scanner.lab.test., in a transfer $small"
expect "NSEC of the scanner to" "$(next "$scanner")" "$small, in a transfer ns.lab.test."
expect "pdnsutil check-zone" "$(pdnsutil --config-dir="$dir/pdns" check-zone lab.test 2>/dev/null | grep -o '[0-9]* errors')" "0 errors"
expect "ldns-verify-zone, of the transfer" "$(ldns-verify-zone "$dir/transfer" 2>&1 | tail -1)" "Zone is verified and complete"
expect "PowerDNS, the printer" "$(ask "$server" "$printer" SRV)" "NOERROR SRV"
start_resolvers
for resolver in "Unbound $unbound" "BIND $bind"; do
	name=${resolver% *} port=${resolver#* }
	expect "$name, the printer at once" "$(ask "$port" "$printer" SRV)" "NOERROR AD SRV"
	expect "$name, the scanner" "$(ask "$port" "$scanner" SRV)" "NOERROR AD SRV"
	expect "$name, lab-z, which does not exist" "$(ask "$port" lab-z._ipp._tcp A)" "SERVFAIL"
done
stop_resolvers
start_resolvers
for resolver in "Unbound $unbound" "BIND $bind"; do
	name=${resolver% *} port=${resolver#* }
	expect "$name, afresh, _ipp._tcp TXT" "$(ask "$port" _ipp._tcp TXT)" "NOERROR AD"
	expect "$name, the printer after that" "$(ask "$port" "$printer" SRV)" "NXDOMAIN AD"
	expect "$name, the scanner" "$(ask "$port" "$scanner" SRV)" "NOERROR AD SRV"
done
exit $status
