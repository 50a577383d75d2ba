module github.com/danesmtp/danesmtp/examples/mta

go 1.26.0

require (
	github.com/danesmtp/danesmtp v0.0.0
	github.com/emersion/go-smtp v0.26.0
	github.com/google/go-cmp v0.7.0
	github.com/miekg/dns v1.1.73
)

require (
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/danesmtp/danesmtp => ../..
