module github.com/danesmtp/danesmtp/examples/embed

go 1.26.0

require (
	github.com/danesmtp/danesmtp v0.0.0
	github.com/miekg/dns v1.1.73
)

require (
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/danesmtp/danesmtp => ../..
