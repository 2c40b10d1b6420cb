package persona

import (
	"fmt"
	"testing"
)

// place is where keelson of a machine can be each of the personas: qemu-user cannot be a subreaper, which catatonit must be unless it is
// the first process.
func (m machine) place(name string) setting {
	return setting{PID1: m.emulated() && name == "catatonit"}
}

// four are the personas that differ.
var four = []string{"keelson", "tini", "dumb-init", "catatonit"}

// everywhere runs a test for personas on every machine.
func everywhere(t *testing.T, names []string, test func(t *testing.T, m machine, name string)) {
	for _, m := range machines() {
		for _, name := range names {
			t.Run(m.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				needMachine(t, m)
				if !m.place(name).nothing() {
					needRoot(t)
				}
				test(t, m, name)
			})
		}
	}
}

func TestEveryExitStatus(t *testing.T) {
	t.Parallel()
	everywhere(t, four, func(t *testing.T, m machine, name string) {
		for code := range 256 {
			got := run(t, m.argv, m.place(name), nil, name, "--", "sh", "-c", fmt.Sprint("exit ", code))
			if want := fmt.Sprint("exit ", code); got.status != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	})
}

// TestEveryExpectedStatus shows that -e has its status come out as 0, and no other.
func TestEveryExpectedStatus(t *testing.T) {
	t.Parallel()
	everywhere(t, []string{"keelson", "tini"}, func(t *testing.T, m machine, name string) {
		for code := range 256 {
			other := code ^ 1
			for _, c := range []struct{ ends, comesOut int }{{code, 0}, {other, other}} {
				got := run(t, m.argv, m.place(name), nil, name, "-e", fmt.Sprint(code), "--", "sh", "-c", fmt.Sprint("exit ", c.ends))
				if want := fmt.Sprint("exit ", c.comesOut); got.status != want {
					t.Errorf("-e %d, the command ended with %d: %s, want %s", code, c.ends, got, want)
				}
			}
		}
	})
}

// TestEveryDeath shows that a command's death by signal n comes out as 128+n.
func TestEveryDeath(t *testing.T) {
	t.Parallel()
	everywhere(t, four, func(t *testing.T, m machine, name string) {
		for sig := 1; sig <= 64; sig++ {
			if !fatal.has(sig) || m.emulated() && sig >= 32 { // noRealTime
				continue
			}
			got := run(t, m.argv, m.place(name), nil, name, "--", "sh", "-c", fmt.Sprintf("kill -%d $$", sig))
			if want := fmt.Sprint("exit ", 128+sig); got.status != want {
				t.Errorf("signal %d: %s, want %s", sig, got, want)
			}
		}
	})
}

// TestEveryStackAlignment starts keelson with its stack at every position that it can have within a page. The wrapper gives back what it has used of the
// stack, and must not give back what it still needs.
func TestEveryStackAlignment(t *testing.T) {
	t.Parallel()
	everywhere(t, four, func(t *testing.T, m machine, name string) {
		if m.emulated() {
			t.Skip("qemu-user: " + noSettings)
		}
		const page, alignment = 4096, 16
		script := fmt.Sprintf(`pad=; i=0
while test $i -lt %d; do
	PAD=$pad "$0" -- true || echo "at $i: $?"
	pad=${pad}%0*d i=$((i+1))
done`, page/alignment, alignment, 0)
		file, _ := m.argv(name)
		got := run(t, plain, setting{Plain: true}, []string{"TINI_VERBOSITY=0"}, "/bin/sh", "-c", script, file)
		if got != (outcome{status: "exit 0"}) {
			t.Error(got)
		}
	})
}
