// Package anchor holds trust anchors, the keys from which a validator starts, and keeps
// them up to date (RFC 5011).
//
//	tracker := &anchor.Tracker{Store: &anchor.FileStore{Path: "/var/lib/mta/root.key"}}
//	resolver := &dnssec.Resolver{Anchors: tracker}
//
// A [Tracker] follows the rollovers of its zones, and keeps what it learns in a [Store], a
// [FileStore] for instance. A [Set] is anchors that stay as they are: [Root] returns the
// built-in ones of the DNS root zone, and [ReadFile] and [Parse] read others, of the root or
// of any other zone.
//
//	anchors, err := anchor.ReadFile("root.ds")
//	resolver := &dnssec.Resolver{Anchors: anchors}
//
// # What is trusted
//
// A trust anchor is trusted without proof, so a file of anchors must be where nobody else can
// write. The built-in ones are the keys of the root, KSK-2017 and KSK-2024. A Tracker trusts
// those, or its Start, and what follows from them by the rules below. Once its Store holds
// something, only that counts.
//
// # When it changes
//
// A Tracker changes what it trusts by the DNSKEY set of the zone alone. A Resolver shows it
// the set whenever a lookup needs one, and queries for it when it is due: at half of the
// set's TTL and of what is left of its signature, from an hour to 15 days.
//
//   - A new key with the SEP flag, in a set that an anchor has signed, is pending. It becomes
//     an anchor when it is still there after more than 30 days, or its TTL if that is longer,
//     and has been seen at least twice. If a set lacks it meanwhile, the time starts again.
//   - An anchor that the zone does not have is missing, and still trusted. After 366 days it
//     is forgotten, if there is another one; so is a configured digest without its key.
//   - An anchor with the REVOKE flag that has signed the set itself is not trusted from then
//     on. It is forgotten when the zone has not had it for 30 days.
//   - When all anchors of a zone below the root are revoked, the zone has no anchor, as if it
//     had never had one. For the root that is an error with every lookup, since nothing could
//     be told from a forgery.
//   - Everything else changes nothing: sets that are not signed by an anchor, replies without
//     keys, servers that do not answer.
//
// # What an operator has to do
//
// Nothing, as long as the program runs at least once in 30 days: after that time an old key
// may be gone. Without a Store, the state ends with the process. That is enough for programs
// that run for a short time or are updated often.
//
// A machine that was off for years may know only keys that the root does not use any more.
// Lookups then fail with [ErrOutdated], and never with a status of Insecure. The way on is
// [Tracker.Replace], with the anchors of a file that was fetched by other means:
// "daneverify -trust-state FILE -anchors-update root-anchors.xml".
//
// # Where anchors come from
//
// [Parse] tells the formats apart by their content, in this order:
//
//   - A file whose first character is "<" is root-anchors.xml (RFC 9718), the form in
//     which IANA publishes the root's keys. Its anchors have periods, which
//     [Set.Anchors] obeys. If it has a key beside the digest, the two are compared.
//   - A line that begins with "; autotrust trust anchor file", or ";;state=" anywhere,
//     marks a state file, of Unbound or a FileStore. Its valid and missing keys are
//     the anchors.
//   - A brace before the first semicolon of its line marks BIND's bind.keys or
//     named.conf: trust-anchors with static-key, initial-key, static-ds and
//     initial-ds, and the older managed-keys and trusted-keys. Other clauses, "include"
//     among them, are skipped; anchors within a view are an error. Initial keys are taken
//     like static ones.
//   - Everything else is DS and DNSKEY records in the form of a zone file, as dig, kdig,
//     drill, delv and the tools that make keys print them. Their signatures (RRSIG) are
//     skipped, and so are lines that begin with "#", as systemd has them. Any other record
//     is an error.
//
// A text in another format is an error that names the format and says what to do, if it is
// the configuration of another resolver, or what a tool prints for people, or BIND's
// managed-keys.bind, which has keys that are not trusted yet.
//
// The file of IANA is https://data.iana.org/root-anchors/root-anchors.xml. Nothing
// here checks its signature, root-anchors.p7s in the same folder; this does:
//
//	openssl smime -verify -inform DER -in root-anchors.p7s -content root-anchors.xml -CAfile icannbundle.pem
//
// icannbundle.pem has the certificates of ICANN. It is in that folder too, but proves
// something only if you have it from elsewhere, or from long before.
//
// # Specifications
//
// RFC 4034 (DS, DNSKEY), RFC 5011 (rollover), RFC 7958 and RFC 9718 (root zone trust
// anchors). Where RFC 5011 leaves room, it is as in Unbound, whose files a FileStore
// reads and writes.
package anchor
