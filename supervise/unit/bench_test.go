package unit

import (
	"fmt"
	"strings"
	"testing"

	sdunit "github.com/coreos/go-systemd/v22/unit"
)

// benchTree has n units of the kind that server packages install, a tenth of them with a drop-in.
func benchTree(n int) *Tree {
	t := &Tree{}
	for i := range n {
		t.AddFile(fmt.Sprintf("%sunit%04d.service", lib, i), benchText(i))
		if i%10 == 0 {
			t.AddFile(fmt.Sprintf("%sunit%04d.service.d/local.conf", etc, i), "[Service]\nEnvironment=LOCAL=1\n")
		}
		t.AddLink(fmt.Sprintf("%smulti-user.target.wants/unit%04d.service", etc, i), fmt.Sprintf("%sunit%04d.service", lib, i))
	}
	return t
}

func benchText(i int) string {
	return fmt.Sprintf(`[Unit]
Description=Service number %d
Documentation=man:foo(8) https://example.org
After=network.target remote-fs.target unit%04d.service
Wants=network-online.target

[Service]
Type=notify
EnvironmentFile=-/etc/default/foo
Environment=A=1 "B=two words"
ExecStartPre=/usr/bin/test -e /etc/foo
ExecStart=/usr/sbin/foo -D --name=%%n \
   --config /etc/foo/%%i.conf $OPTS
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
Restart=on-failure
RestartPreventExitStatus=255
RuntimeDirectory=foo
RuntimeDirectoryMode=0755
User=nobody2
PrivateTmp=yes
ProtectSystem=full
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_CHOWN
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`, i, i/2)
}

// BenchmarkLoad scans the search path and loads all units of it. The issue asks for well under 100 ms and 16 MB for 1 000.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		tree := benchTree(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l := NewLoader(tree, DefaultHost())
				l.Scan()
				for _, name := range l.Names() {
					if u, d := l.Load(name); u.LoadState != Loaded || len(d) > 0 {
						b.Fatal(u.LoadError, d)
					}
				}
			}
		})
	}
}

type discard struct{ lines int }

func (discard) section(string) sectionStatus                { return sectionKnown }
func (d *discard) assign(int, string, string, string) error { d.lines++; return nil }
func (discard) remark(int, Severity, string)                {}

// BenchmarkText reads 1 000 unit files into lines, here and with go-systemd's lexer.
func BenchmarkText(b *testing.B) {
	var texts []string
	for i := range 1000 {
		texts = append(texts, benchText(i))
	}
	b.Run("here", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, t := range texts {
				if err := readText(t, &discard{}); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("go-systemd", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, t := range texts {
				if _, err := sdunit.DeserializeOptions(strings.NewReader(t)); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
