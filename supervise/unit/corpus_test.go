package unit

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// TestUnitRoot loads every unit of a root directory that KEELSON_UNIT_ROOT names, such as one in which a distribution's
// packages are unpacked. Each diagnostic must stand in the file that KEELSON_UNIT_EXPECT names, as
// `systemd-analyze verify` prints it ("PATH:LINE: TEXT", paths from the root): what systemd does not say is false.
// Notices are keelson's own, and are only counted.
func TestUnitRoot(t *testing.T) {
	root := os.Getenv("KEELSON_UNIT_ROOT")
	if root == "" {
		t.Skip("KEELSON_UNIT_ROOT is not set: no root with unit files is at hand")
	}
	expected := map[string]bool{}
	if file := os.Getenv("KEELSON_UNIT_EXPECT"); file != "" {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			expected[strings.TrimSpace(s.Text())] = true
		}
	}
	l := NewLoader(os.DirFS(root).(FS), DefaultHost())
	l.SearchPath = DefaultSearchPath(true)
	l.Host.MachineID, l.Host.BootID, l.Host.OSRelease = strings.Repeat("0", 32), strings.Repeat("0", 32), true
	l.Host.Hostname, l.Host.Architecture, l.Host.Kernel = "vm", "x86-64", "6.1"
	for _, d := range l.Scan() {
		t.Logf("scan: %v", d)
	}
	units, states, counts := 0, map[LoadState]int{}, map[Severity]int{}
	for _, name := range l.Names() {
		if ValidName(name, TemplateName) {
			name, _ = Instantiate(name, "x")
		}
		u, list := l.Load(name)
		units++
		states[u.LoadState]++
		for _, d := range list {
			counts[d.Severity]++
			if d.Severity == Notice {
				t.Logf("notice: %v", d)
			} else if !expected[d.String()] {
				t.Errorf("%v", d)
			}
		}
	}
	t.Logf("%d units, by load state %v, diagnostics by severity %v", units, states, counts)
}
