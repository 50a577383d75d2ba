module github.com/danesmtp/danesmtp/examples/clients

go 1.26.0

require (
	github.com/danesmtp/danesmtp v0.0.0
	github.com/emersion/go-smtp v0.26.0
	github.com/wneessen/go-mail v0.8.1
)

require (
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
	github.com/miekg/dns v1.1.73 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/danesmtp/danesmtp => ../..
