// Package systemctl asks keelson's manager and real systemd 252 the same things, by the unmodified systemctl of several of Debian's suites and by
// go-systemd's client, and compares the answers.
package systemctl

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// suites are Debian's. The image has the systemctl of the first, or of each.
var suites = []string{"12", "11", "13", "testing"}

// A reply is what a line of a script has come to.
type reply struct {
	stdout, stderr string
	status         string
}

func (r reply) String() string {
	return r.stdout + "-- standard error\n" + r.stderr + "-- status " + r.status
}

// ask has a container's shell carry out lines one after the other, in which systemctl is that of the suite.
func (c container) ask(t *testing.T, suite string, lines []string) (replies []reply, err error) {
	t.Helper()
	var script strings.Builder
	fmt.Fprintf(&script, "%ssystemctl() { $s/ld.so --library-path $s $s/systemctl \"$@\"; }\ns=/suite/%s\n", prelude, suite)
	for _, l := range lines {
		fmt.Fprintf(&script, "tell %s\n", quote(l))
	}
	out, err := c.run(t, script.String())
	if err != nil {
		return nil, err
	}
	words := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	if len(words) != 3*len(lines) {
		return nil, fmt.Errorf("%d answers to %d lines: %s", len(words)/3, len(lines), words[len(words)-1])
	}
	for i := range lines {
		replies = append(replies, reply{mask(words[3*i]), mask(words[3*i+1]), words[3*i+2]})
	}
	return replies, nil
}

// prelude are words that scripts use. Where a state comes by itself, the image's own systemctl is asked until it has come: what another one
// would say of it on the way depends on the time.
const prelude = `export LANG=C.UTF-8 COLUMNS=200 SYSTEMD_PAGER=cat
cd /root
tell() { # LINE: carried out, what it has printed, said and ended with
	local out err status
	eval "$1" </dev/null >/dev/shm/out 2>/dev/shm/err
	status=$?
	IFS= read -rd '' out </dev/shm/out
	IFS= read -rd '' err </dev/shm/err
	printf '%s\0%s\0%s\0' "$out" "$err" $status
}
unit() { # NAME LINE…
	local name=$1
	shift
	printf '%s\n' "$@" >"/etc/systemd/system/$name"
}
waits() { # UNIT STATE, in the words of ActiveState/SubState
	for i in $(seq 500); do
		now=$(/usr/bin/systemctl show -P ActiveState "$1")/$(/usr/bin/systemctl show -P SubState "$1")
		[ "$now" = "$2" ] && return
		sleep 0.02
	done
	echo "$1 is $now, not $2"
	return 1
}
`

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// A script is lines of the shell's. Empty ones and those that begin with # are none.
func script(t *testing.T, path string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(text)) {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			lines = append(lines, l)
		}
	}
	return lines
}

// The units that all is about, and lines that change nothing, are those of the comparison of systemctl with keelson's own.
const (
	unitsFile = "../../init/applet/systemctl/testdata/oracle/units.sh"
	readFile  = "../../init/applet/systemctl/testdata/oracle/lines.txt"
)

// withoutPrivilege takes out of a unit what keelson may not do in a container, which it says by the unit's failure.
const withoutPrivilege = `
mkdir -p /etc/systemd/system/zoo-sandbox.service.d
printf '[Service]\nBindPaths=\nTemporaryFileSystem=\n' >/etc/systemd/system/zoo-sandbox.service.d/here.conf
`

var units sync.Once

// both boots the managers and gives them the units.
func both(t *testing.T) (real, ours container) {
	t.Helper()
	real, ours = managers(t)
	units.Do(func() {
		text, err := os.ReadFile(unitsFile)
		if err != nil {
			t.Fatal(err)
		}
		each(t, real, ours, func(c container) error {
			_, err := c.run(t, withoutPrivilege+string(text))
			return err
		})
	})
	return real, ours
}

// each does something in both containers at once.
func each(t *testing.T, real, ours container, do func(c container) error) {
	t.Helper()
	failed := make(chan error)
	go func() { failed <- do(ours) }()
	if err := do(real); err != nil {
		t.Errorf("real systemd: %v", err)
	}
	if err := <-failed; err != nil {
		t.Errorf("keelson: %v", err)
	}
	if t.Failed() {
		t.FailNow()
	}
}

func TestRead(t *testing.T) {
	real, ours := both(t)
	var lines []string
	for _, l := range script(t, readFile) {
		if l[0] != '~' { // what has its reason there
			lines = append(lines, withCommand(l))
		}
	}
	compare(t, real, ours, lines)
}

// withCommand puts the command after the assignments that a line begins with.
func withCommand(line string) string {
	env, words := "", line
	for {
		w, rest, ok := strings.Cut(words, " ")
		if !ok || strings.HasPrefix(w, "-") || !strings.Contains(w, "=") {
			return env + "systemctl " + words
		}
		env, words = env+w+" ", rest
	}
}

func TestChange(t *testing.T) {
	real, ours := both(t)
	compare(t, real, ours, script(t, "testdata/change.txt"))
}

// compare has both managers asked by each suite's systemctl.
func compare(t *testing.T, real, ours container, lines []string) {
	for i, s := range suites {
		if i > 0 && !all {
			t.Logf("Debian %s's systemctl: only with KEELSON_SUITES=all, as each suite takes as long as this", strings.Join(suites[i:], ", "))
			break
		}
		t.Run(s, func(t *testing.T) {
			answers := map[container][]reply{}
			var mu sync.Mutex
			each(t, real, ours, func(c container) error {
				began := time.Now()
				r, err := c.ask(t, s, lines)
				t.Logf("%d lines took %v", len(lines), time.Since(began).Round(time.Second/10))
				mu.Lock()
				answers[c] = r
				mu.Unlock()
				return err
			})
			for i, l := range lines {
				got, want := allow(l, answers[ours][i].String()), allow(l, answers[real][i].String())
				if got != want {
					t.Errorf("$ %s\n%s", l, diff(got, want))
				}
			}
		})
	}
}
