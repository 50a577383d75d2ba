// Package monitor tells monitoring systems how mail domains are, as package dane/diagnosis
// judges them: [Nagios] prints the line of a plugin, [Textfile] writes metrics for the
// textfile collector of node_exporter, [Server] answers the scrapes of Prometheus as
// blackbox_exporter does, and [Watch] prints a line whenever something changes.
//
// What finds out about a domain is a [Check], so that none of them needs a network to be
// tested. Whatever a check does, each of them ends in time and says so: a monitor that says
// nothing looks like one that has nothing to say.
package monitor
