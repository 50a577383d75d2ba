#!/bin/sh
# miekg/dns, the DNS library for Go, says "bad signature" of a TLSA record that is right, if it was
# written with capital letters, as dig prints it.
#
# Go modules: github.com/miekg/dns v1.1.73 and its successor codeberg.org/miekg/dns v0.6.0, for which go is
# wanted, 1.25 or later; Debian 12 packages: knot 3.2.6-1, which serves the record, bind9-dnsutils (for dig),
# openssl. All go into a temporary folder; apt-get wants root.
#
# The record is 3 1 1 and the SHA-256 of a certificate's key. Its digits are the same number
# in small letters and in capitals (RFC 6698 §2.2, RFC 4648 §8).
#
#	Verify of the record as dig prints it		"bad signature"
#	Verify of the same line in small letters	nil, which is right
#	Verify of the same line, packed and unpacked	nil
#
# The field Certificate has the digits as they were in the text, and Verify compares it with those of the
# certificate as a string. What comes over the network has small letters, so that it concerns records that are read
# as text: from zone files, from configuration, or pasted. openssl s_client -dane_tlsa_rrdata takes both.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='knot=3.2.6-1 bind9-dnsutils openssl'
modules='github.com/miekg/dns@v1.1.73 codeberg.org/miekg/dns@v0.6.0'
command -v go >/dev/null || exit 2
dir=$(mktemp -d) || exit 2
mkdir -p "$dir/archives/partial" "$dir/root" "$dir/db" "$dir/verify"
apt-get install -qq -y --no-install-recommends --download-only --reinstall \
	-o Dir::Cache::archives="$dir/archives" $packages >"$dir/apt" 2>&1 ||
	{ cat "$dir/apt" >&2; rm -rf "$dir"; exit 2; }
for package in "$dir"/archives/*.deb; do dpkg -x "$package" "$dir/root"; done
# run PROGRAM…: in place of this shell, one of those packages
run() {
	PATH=$dir/root/usr/sbin:$dir/root/usr/bin:$PATH LD_LIBRARY_PATH=$dir/root/usr/lib/$(uname -m)-linux-gnu exec "$@"
}
knot='' tls=''
stop() {
	for pid in $knot $tls; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 2' INT TERM

# The program reads a line with a record, and says what the two modules think of it.
cat >"$dir/verify/main.go" <<'CODE'
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	second "codeberg.org/miekg/dns"
	"github.com/miekg/dns"
)

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		panic(err)
	}
	rr, err := dns.NewRR(os.Args[2])
	if err != nil {
		panic(err)
	}
	fresh, err := second.New(os.Args[2])
	if err != nil {
		panic(err)
	}
	packed := make([]byte, dns.Len(rr))
	if _, err := dns.PackRR(rr, packed, 0, nil, false); err != nil {
		panic(err)
	}
	unpacked, _, err := dns.UnpackRR(packed, 0)
	if err != nil {
		panic(err)
	}
	fmt.Printf("v1 %v, v1 unpacked %v, v2 %v\n", rr.(*dns.TLSA).Verify(cert), unpacked.(*dns.TLSA).Verify(cert), fresh.(*second.TLSA).Verify(cert))
}
CODE
(
	cd "$dir/verify" && export GOPATH="$dir/go" GOFLAGS=-modcacherw GOWORK=off &&
		go mod init verify && go get $modules && go build -o "$dir/verify/verify" .
) >"$dir/build" 2>&1 ||
	{ cat "$dir/build" >&2; exit 2; }

dns=${DNS_PORT:-15466} port=${TLS_PORT:-15467}
(
	run openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/key.pem" \
		-out "$dir/cert.pem" -subj /CN=mx.tlsa.test -addext subjectAltName=DNS:mx.tlsa.test -days 30
) 2>"$dir/openssl" || { cat "$dir/openssl" >&2; exit 2; }
(run openssl x509 -in "$dir/cert.pem" -noout -pubkey) | (run openssl pkey -pubin -outform DER >"$dir/spki") || exit 2
cat >"$dir/tlsa.zone" <<ZONE
\$ORIGIN tlsa.test.
\$TTL 3600
@ SOA ns admin 1 7200 3600 86400 3600
@ NS ns
ns A 127.0.0.1
_25._tcp.mx TLSA 3 1 1 $(sha256sum <"$dir/spki" | cut -d ' ' -f 1)
ZONE
cat >"$dir/knot.conf" <<CONF
server:
  listen: 127.0.0.1@$dns
  rundir: $dir
database:
  storage: $dir/db
zone:
  - domain: tlsa.test.
    file: $dir/tlsa.zone
CONF
run knotd -c "$dir/knot.conf" >"$dir/knot.log" 2>&1 &
knot=$!
run openssl s_server -accept "127.0.0.1:$port" -key "$dir/key.pem" -cert "$dir/cert.pem" -quiet >/dev/null 2>&1 &
tls=$!
tries=0
until (run dig @127.0.0.1 -p "$dns" _25._tcp.mx.tlsa.test TLSA +noall +answer +tries=1 +time=2) >"$dir/line" && [ -s "$dir/line" ] &&
	(run openssl s_client -connect "127.0.0.1:$port" </dev/null >/dev/null 2>&1); do
	tries=$((tries + 1))
	[ "$tries" -lt 40 ] || { cat "$dir/knot.log" "$dir/line" >&2; exit 2; }
	sleep 0.25
done
printed=$(cat "$dir/line")
# The letters A to F in the digits alone: those of the name and type mean the same in both.
small=$(sed 's/\(.*TLSA[[:space:]]*\)\(.*\)/\1\n\2/' "$dir/line" | sed '2y/ABCDEF/abcdef/' | tr '\n' ' ')

status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
# openssl_says LINE
openssl_says() {
	data=$(echo "$1" | sed 's/.*TLSA[[:space:]]*\([0-9]* [0-9]* [0-9]*\) *\(.*\)/\1 \2/' | awk '{ printf "%s %s %s ", $1, $2, $3; for (i = 4; i <= NF; i++) printf "%s", $i }')
	(run openssl s_client -connect "127.0.0.1:$port" -dane_tlsa_domain mx.tlsa.test -dane_tlsa_rrdata "$data") \
		</dev/null 2>&1 | sed -n 's/^Verification: //p'
}
echo "$modules"
echo "$printed"
expect "As dig prints it" "$("$dir/verify/verify" "$dir/cert.pem" "$printed" 2>&1)" \
	"v1 dns: bad signature, v1 unpacked <nil>, v2 dns: bad signature"
expect "In small letters" "$("$dir/verify/verify" "$dir/cert.pem" "$small" 2>&1)" "v1 <nil>, v1 unpacked <nil>, v2 <nil>"
expect "openssl, as dig prints it" "$(openssl_says "$printed")" "OK"
expect "openssl, in small letters" "$(openssl_says "$small")" "OK"
exit $status
