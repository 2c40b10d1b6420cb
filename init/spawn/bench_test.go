package spawn

import (
	"testing"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
	"keelson/supervise"
)

// BenchmarkStart is what a start costs the owner: compiling the list, and making the process. The process is waited for outside of that.
func BenchmarkStart(b *testing.B) {
	stage := build(b)
	for _, tt := range []struct{ name, lines string }{
		{"plain", ""},
		{"user", "User=nobody\nGroup=nogroup\nUMask=0077\nLimitNOFILE=1024\nOOMScoreAdjust=100"},
		{"hardened", hardened},
	} {
		e := spawnOf(b, "ExecStart=/bin/true\n"+tt.lines)
		c := NewCompiler(Options{Host: host()})
		c.self = stage
		b.Run(tt.name+"/compile", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Compile(e, NewGiven()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(tt.name+"/start", func(b *testing.B) {
			for b.Loop() {
				p, err := c.Compile(e, NewGiven())
				if err != nil {
					b.Fatal(err)
				}
				child, err := p.Start()
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := child.Wait(); err != nil {
					b.Fatal(err)
				}
				sys.Retry(func() error { _, err := unix.Wait4(child.Pid, nil, 0, nil); return err })
				b.StartTimer()
			}
		})
		b.Run(tt.name+"/until exec", func(b *testing.B) {
			for b.Loop() {
				run(b, c, e)
			}
		})
	}
}

func run(b *testing.B, c *Compiler, e *supervise.Spawn) {
	p, err := c.Compile(e, NewGiven())
	if err != nil {
		b.Fatal(err)
	}
	child, err := p.Start()
	if err != nil {
		b.Fatal(err)
	}
	if err := child.Wait(); err != nil {
		b.Fatal(err)
	}
	sys.Retry(func() error { _, err := unix.Wait4(child.Pid, nil, 0, nil); return err })
}

// hardened is what many of Debian's units ask for.
const hardened = `User=nobody
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
AmbientCapabilities=CAP_NET_BIND_SERVICE
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
LimitNOFILE=65536`
