module keelson

go 1.26.0

require (
	github.com/coreos/go-systemd/v22 v22.7.0
	github.com/creack/pty v1.1.24
	github.com/hashicorp/go-reap v0.0.0-20170704170343-bf58d8a43e7b
	golang.org/x/sys v0.50.0
)
