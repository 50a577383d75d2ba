// Package replay reads the scripts by which Unbound and Deckard test resolvers, and
// plays the network in them: which server says what to which query, and when.
//
// Parse reads a script. New makes a Network of it, whose Dial is that of an
// upstream.Client or Recursor, and whose Now is the script's clock. The test goes
// through Script.Steps, sets Network.At to each, asks what a step asks, and compares
// the answer with what the next one expects. Steps that answer queries are done by
// Network.Serve, and those that expect some by Network.Asked.
//
// The two programs have dialects (Dialect). What resolvers differ in is tolerated: a
// query that a script does not know is answered with SERVFAIL, and one for DS records
// from the referrals that have them.
package replay
