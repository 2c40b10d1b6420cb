package persona

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// growth is by how much a wrapper may grow while it reaps, in KiB.
const growth = 64

// orphaning is a command that makes so many orphans when it reads a line, as fast as a shell can fork. A subshell makes some at a time and leaves them to
// the first process; its own parent waits for it alone.
func orphaning(orphans int) []string {
	const perSubshell = 20
	return []string{"sh", "-c", fmt.Sprintf("echo ready $$; read x; i=0; while test $i -lt %d; do (%s); i=$((i+1)); done; echo done; read x; exit 3",
		orphans/perSubshell, strings.Repeat(": & ", perSubshell))}
}

// TestOrphansAreCounted shows that every one of the orphans comes to the wrapper.
func TestOrphansAreCounted(t *testing.T) {
	t.Parallel()
	needRoot(t)
	const orphans = 1000
	w := start(t, native.argv, setting{PID1: true}, nil, "keelson", slices.Concat([]string{"-w", "--"}, orphaning(orphans))...)
	w.ready()
	w.say("")
	w.expect("done")
	until(t, "all orphans to be reaped", func() bool { return len(children(w.pid)) == 1 && state(w.pid) == "S" })
	if got := strings.Count(w.stderr(), "keelson: reaped process "); got != orphans {
		t.Errorf("%d were reaped, want %d", got, orphans)
	}
	w.say("")
	if got := w.wait(); got != "exit 3" {
		t.Errorf("status: %s", got)
	}
}

// TestManyOrphans has orphans come at full speed. None may be left, and the wrapper may not grow.
func TestManyOrphans(t *testing.T) {
	needRoot(t)
	const orphans = 100_000
	w := start(t, native.argv, setting{PID1: true}, nil, "keelson", slices.Concat([]string{"--"}, orphaning(orphans))...)
	w.ready()
	w.dealt()
	pss, rss, made := memoryOf(t, w.pid, "Pss"), memoryOf(t, w.pid, "Rss"), forks(t)
	began := time.Now()
	w.say("")
	if got := w.lineWithin(15 * time.Minute); got != "done" {
		t.Fatalf("stdout: %q, want done", got)
	}
	took := time.Since(began)
	if made = forks(t) - made; made < orphans {
		t.Errorf("only %d processes were made", made)
	}
	until(t, "all orphans to be reaped", func() bool { return len(children(w.pid)) == 1 && state(w.pid) == "S" })
	if left := descendants(w.pid); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	pssNow, rssNow := memoryOf(t, w.pid, "Pss"), memoryOf(t, w.pid, "Rss")
	t.Logf("%d orphans in %.1f s, %.0f µs each; PSS %d KiB before, %d KiB after; RSS %d and %d KiB", orphans, took.Seconds(),
		float64(took.Microseconds())/orphans, pss, pssNow, rss, rssNow)
	if rssNow-rss > growth || pssNow-pss > growth {
		t.Errorf("it has grown by more than %d KiB", growth)
	}
	w.say("")
	w.endsWith("exit 3", "")
}

// memoryOf is a line of /proc/PID/smaps_rollup, in KiB.
func memoryOf(t *testing.T, pid int, field string) int {
	t.Helper()
	return match(t, fmt.Sprintf("/proc/%d/smaps_rollup", pid), field+`: +(\d+) kB`)
}

// forks is how many processes and threads the machine has made since it started.
func forks(t *testing.T) int {
	t.Helper()
	return match(t, "/proc/stat", `processes (\d+)`)
}

func match(t *testing.T, file, pattern string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + pattern + `$`).FindSubmatch(b)
	if m == nil {
		t.Fatalf("no %s in %s", pattern, file)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
