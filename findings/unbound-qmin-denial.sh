#!/bin/sh
# Unbound answers a query with CD by a denial that denies nothing: NODATA for A, and
# beside it the NSEC record that was sent for AAAA, with A in its list of types.
#
# Debian 12 packages: unbound 1.17.1-2+deb12u4, knot 3.2.6-1, bind9-dnsutils (for dig). They are
# fetched by apt-get, as root, and unpacked into a temporary folder.
#
# Knot's module onlinesign makes NSEC records as it is asked (in the way of RFC 4470). At a
# name without records it lists the types of its option nsec-bitmap, A and AAAA by default,
# but for the one that was asked for. So the records that it sends for one name differ:
#
#	asked for AAAA	x.sign.test. NSEC \000.x.sign.test. A RRSIG NSEC
#	asked for A	x.sign.test. NSEC \000.x.sign.test. AAAA RRSIG NSEC
#
# (RFC 4034 §4.1.2 has a list hold the types that are there, and RFC 4470 §4 wants no others
# than RRSIG and NSEC at a name that does not exist. Each record proves what was asked.)
#
# Unbound, validator and qname-minimisation on (both the default), asked with CD for
#
#	x.sign.test AAAA	keeps the record with A, as validated
#	y.x.sign.test A		asks for x.sign.test A on the way (RFC 9156), does not validate that, prefers the
#				validated record of the same name and type to the one that came, and keeps a
#				message of the new answer with the old record
#	x.sign.test A		NOERROR, no AD, x.sign.test. NSEC \000.x.sign.test. A RRSIG NSEC
#
# RFC 4035 §4.5 says that a response should be cached as one entry with its DNSSEC records.
# Any validator behind it finds A listed, and has to call that Bogus (RFC 4035 §5.4). The
# same query without CD is validated, found wanting, fetched anew and right, and so are
# those with CD after it. Without qname-minimisation, without the validator, or as a
# forwarder (forward-zone) Unbound is right at once; aggressive-nsec makes no difference.
# As forwarders, BIND 9.18.49 (synth-from-dnssec), PowerDNS Recursor 4.8.8, Knot Resolver 5.6.0 and
# dnsmasq 2.90 were right, and BIND from the root down, too, with qname-minimization off, relaxed
# and strict.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='unbound=1.17.1-2+deb12u4 knot=3.2.6-1 bind9-dnsutils'
dir=$(mktemp -d) || exit 2
mkdir -p "$dir/archives/partial" "$dir/root"
apt-get install -qq -y --no-install-recommends --download-only --reinstall -o Dir::Cache::archives="$dir/archives" $packages >"$dir/apt" 2>&1 ||
	{ cat "$dir/apt" >&2; rm -rf "$dir"; exit 2; }
for package in "$dir"/archives/*.deb; do dpkg -x "$package" "$dir/root"; done
PATH=$dir/root/usr/sbin:$dir/root/usr/bin:$PATH:/usr/sbin
LD_LIBRARY_PATH=$dir/root/usr/lib/$(uname -m)-linux-gnu
export PATH LD_LIBRARY_PATH
knot='' unbound=''
stop() {
	for pid in $knot $unbound; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 2' INT TERM

signer=${SIGNER_PORT:-15431} resolver=${RESOLVER_PORT:-15432}
mkdir "$dir/db"
cat >"$dir/sign.zone" <<'ZONE'
$ORIGIN sign.test.
$TTL 3600
@ SOA ns admin 1 7200 3600 86400 3600
@ NS ns
ns A 127.0.0.1
ZONE
cat >"$dir/knot.conf" <<CONF
server:
  listen: 127.0.0.1@$signer
  rundir: $dir
database:
  storage: $dir/db
policy:
  - id: p
    algorithm: ecdsap256sha256
mod-onlinesign:
  - id: d
    policy: p
zone:
  - domain: sign.test.
    file: $dir/sign.zone
    module: mod-onlinesign/d
CONF
knotd -c "$dir/knot.conf" >"$dir/knot.log" 2>&1 &
knot=$!

# ask SERVER-PORT NAME TYPE [FLAG]: the types in the NSEC record, or the rcode.
ask() {
	port=$1 name=$2 type=$3
	shift 3
	dig @127.0.0.1 -p "$port" "$name" "$type" +dnssec +tries=1 +time=5 "$@" >"$dir/reply"
	awk '$4 == "NSEC" { $1 = $2 = $3 = $4 = $5 = ""; sub(/^ */, ""); print; found = 1 }
		/status:/ { sub(/.*status: /, ""); sub(/,.*/, ""); rcode = $0 }
		END { if (!found) print rcode }' "$dir/reply"
}

tries=0
until [ "$(ask "$signer" sign.test SOA)" = NOERROR ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 40 ] || { cat "$dir/knot.log" >&2; exit 2; }
	sleep 0.25
done
keymgr -c "$dir/knot.conf" sign.test. ds >"$dir/ds" || exit 2

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
 name: "sign.test"
 stub-addr: 127.0.0.1@$signer
CONF
# A copy: Debian's AppArmor profile keeps the installed one out of temporary folders.
cp "$(command -v unbound)" "$dir/bin-unbound"
"$dir/bin-unbound" -d -c "$dir/unbound.conf" >"$dir/unbound.log" 2>&1 &
unbound=$!
tries=0
until [ "$(ask "$resolver" sign.test SOA)" = NOERROR ]; do
	tries=$((tries + 1))
	[ "$tries" -lt 40 ] || { cat "$dir/unbound.log" >&2; exit 2; }
	sleep 0.25
done

unbound -V | head -1
knotd -V
status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
expect "the signer on AAAA" "$(ask "$signer" x.sign.test AAAA)" "A RRSIG NSEC"
expect "the signer on A" "$(ask "$signer" x.sign.test A)" "AAAA RRSIG NSEC"
expect "Unbound on AAAA, with CD" "$(ask "$resolver" x.sign.test AAAA +cd)" "A RRSIG NSEC"
expect "Unbound on A of a name below, with CD" "$(ask "$resolver" y.x.sign.test A +cd)" "AAAA RRSIG NSEC"
expect "Unbound on A, with CD: a denial with A in its list" "$(ask "$resolver" x.sign.test A +cd)" "A RRSIG NSEC"
expect "Unbound on A, without CD" "$(ask "$resolver" x.sign.test A)" "AAAA RRSIG NSEC"
expect "Unbound on A, with CD once more" "$(ask "$resolver" x.sign.test A +cd)" "AAAA RRSIG NSEC"
exit $status
