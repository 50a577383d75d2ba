// Package interop checks the command daneverify and the packages dnssec,
// dnssec/upstream and tlsa against other people's software: it holds tests only, and
// they have the build tag interop.
//
//	go test -tags interop -count=1 -v ./interop/...
//
// The tests build a private Internet on 127.0.0.1. Its root, its two top-level
// domains and its mail domains are signed by BIND's dnssec-keygen and
// dnssec-signzone and served by BIND's named, one process for each level.
// Unbound resolves it without validating, and a second named forwards to that
// Unbound: these two are the resolvers that daneverify asks. Postfix is the mail
// server; its certificate comes from OpenSSL, the TLSA records from GnuTLS.
//
// BIND's delv, a validating Unbound and OpenSSL's own DANE code are asked the
// same questions. The table in domains_test.go says what everybody has to
// answer, and delv has to agree about each name that daneverify looked up.
//
// Package upstream gets the same Internet through named, Unbound, Knot Resolver and
// dnsdist, over UDP, TCP, TLS and HTTPS; through caches, those of systemd-resolved, CoreDNS,
// dnsmasq and PowerDNS among them, that have what others asked for, where it is to cost no
// time (caches_test.go); over a path that loses every third packet; over connections that
// a server has just closed, or that are cut (idle_test.go);
// and from the root down, where each level's named has a network namespace and so a
// host of its own. That last test is skipped where namespaces are not permitted.
//
// Package tlsa is compared with OpenSSL's s_client on chains and records made at
// random, and with danetool's records. `daneverify tlsa make` makes the records that
// danetool, ldns-dane, hash-slinger's tlsa and openssl make (tlsa_make_test.go), and check,
// wait and plan ask named, from the root down (tlsa_publish_test.go). update changes zones that
// named, Knot and PowerDNS sign (tlsa_update_test.go), and the scripts of docs/hooks.md are hooks
// of certbot, dehydrated and lego before a Pebble, which is built from its module if it is not
// in PATH (tlsa_update_hooks_test.go); what is not installed of these is skipped. Postfix sends a
// message each second while keys change by their steps: on a named whose secondary nobody
// notifies, and on three that get the zone one after the other; and while keys change without
// (keychange_test.go, a hundred seconds). Servers that a later release of Go has built show its
// keys of ML-DSA, or do not (mldsa_test.go).
//
// Package dane is compared with Postfix: posttls-finger and the queue's smtp(8) decide
// about more than a hundred domains (postfix_scenarios_test.go), at the levels dane and
// dane-only, and every difference has its reason (postfix_differences_test.go). They
// know the DNS of /etc/resolv.conf and port 25 alone, so they get network and mounts
// of their own, where danetool is asked about a sample, too, and examples/mta delivers
// to Postfix and Exim (mta_exim_test.go). This is skipped where
// namespaces are not permitted.
//
// The programs validator and tlspolicy of the examples are used by those they are for
// (mtas_test.go): Postfix and Exim deliver to the same domains with validator as their only
// resolver, and Postfix by tlspolicy before a table of MTA-STS policies, as its README
// says. dig and unbound-host are asked the questions of the comparison with Unbound
// (stubs_test.go), and dnsperf asks validator and Unbound as fast as they answer
// (dnsperf_test.go).
//
// `daneverify monitor` is read by those it is for (monitor_test.go): node_exporter has the file
// that it writes, and Prometheus scrapes it by the configuration of docs/monitoring.md.
//
// Package smtpprobe is compared with posttls-finger on replies to EHLO that are not
// what RFC 5321 has.
//
// Package dnssec is compared with Unbound and delv on signed zones with faults made
// at random, which named serves. Denials that Knot makes as it is asked come through
// Unbound, which mixes them up (onlinesign_test.go).
//
// Package dnssec/anchor follows zones that dnssec-settime and dnssec-signzone roll over and
// named serves, and exchanges its state files with Unbound in both directions
// (rollover_unbound_test.go). BIND's clauses and Debian's files of root keys are read, and
// those of unbound-anchor where that is installed.
//
// The pages that daneverify -html writes are looked at in Chromium, by package browser below
// this one.
//
// Nothing leaves the machine. Ports are chosen by the kernel and the files live
// in a temporary directory. Postfix starts only for root, so root is needed. The
// Debian packages are bind9, bind9-dnsutils, bind9-utils, unbound, unbound-host, knot,
// knot-resolver, dnsdist, dnsperf, dnsmasq-base, pdns-recursor, postfix, openssl, gnutls-bin, ldnsutils,
// hash-slinger, iproute2, iptables, chromium, prometheus and prometheus-node-exporter, and for
// updates and hooks pdns-server, pdns-backend-sqlite3, sqlite3, faketime, certbot, dehydrated and
// lego; a missing program fails the run, or where a test says SKIPPED that test. CoreDNS is no
// Debian package, that of systemd-resolved would take over /etc/resolv.conf, and that of
// Exim the place of Postfix: DANE_COREDNS, DANE_RESOLVED and DANE_EXIM name their programs,
// as .ci/run does, and without them these are skipped.
package interop
