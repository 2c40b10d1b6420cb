package sessions

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// A row is a process of a made-up /proc.
type row struct {
	pid, parent int
	name        string
	tty         int
	title       string
}

func proc(t *testing.T, rows []row) string {
	t.Helper()
	dir := t.TempDir()
	for _, r := range rows {
		d := filepath.Join(dir, strconv.Itoa(r.pid))
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"stat":    fmt.Sprintf("%d (%s) S %d %d %d %d -1 4194560 0 0\n", r.pid, r.name, r.parent, r.pid, r.pid, r.tty),
			"cmdline": r.title + "\x00",
		} {
			if err := os.WriteFile(filepath.Join(d, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	os.Mkdir(filepath.Join(dir, "sys"), 0o755)
	return dir
}

func pids(list []process) (n []int) {
	for _, p := range list {
		n = append(n, p.pid)
	}
	return n
}

func TestFind(t *testing.T) {
	const pts0 = 136 << 8
	old := []row{ // OpenSSH 9.2
		{1, 0, "keelson", 0, "keelson"}, {10, 1, "sshd", 0, "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"},
		{20, 10, "sshd", 0, "sshd: ann [priv]"}, {21, 20, "sshd", 0, "sshd: ann@pts/0"}, {22, 21, "bash", pts0, "-bash"}, {23, 22, "vi) S 1 (", pts0, "vi"},
		{30, 10, "sshd", 0, "sshd: root@notty"}, {31, 30, "rsync", 0, "rsync"}, {40, 10, "sshd", 0, "sshd: eve [net]"}, {50, 1, "sshd-like", 0, "x"},
	}
	fresh := []row{ // 10.0; the listener has ended
		{1, 0, "keelson", 0, "keelson"}, {20, 1, "sshd-session", 0, "sshd-session: ann [priv]"}, {21, 20, "sshd-session", 0, "sshd-session: ann@internal-sftp"},
		{40, 1, "sshd-session", 0, "sshd-session: eve [preauth]"}, {41, 40, "sshd-auth", 0, "sshd-auth: eve [net]"},
	}
	beside := append(slices.Clone(old), row{2, 1, "init", 0, "another container's"}, row{60, 2, "sshd", 0, "sshd: bob"}, row{61, 60, "sh", 0, "sh"})
	ancient := []row{{1, 0, "keelson", 0, "keelson"}, {10, 1, "sshd", 0, "/usr/sbin/sshd -D"}, {20, 10, "sshd", 0, "sshd: ann@notty"}, {21, 20, "sh", 0, "sh"}}
	for _, tt := range []struct {
		name               string
		rows               []row
		under              int
		first, connections []int
		clients            int
	}{
		{"9.2", old, 1, []int{22, 31}, []int{20, 21, 30, 40}, 3},
		{"10.0", fresh, 1, nil, []int{20, 21, 40, 41}, 2},
		{"7.4", ancient, 0, []int{21}, []int{20}, 1},
		{"below the listener", beside, 10, []int{22, 31}, []int{20, 21, 30, 40}, 3},
		{"another's", beside, 2, []int{61}, []int{60}, 1},
		{"all", beside, 0, []int{22, 31, 61}, []int{20, 21, 30, 40, 60}, 4},
		{"nobody's", old, 77, nil, nil, 0},
	} {
		all, err := scan(proc(t, tt.rows))
		if err != nil {
			t.Fatal(err)
		}
		first, connections := find(all)
		first, connections = below(all, tt.under, first), below(all, tt.under, connections)
		if !slices.Equal(pids(first), tt.first) || !slices.Equal(pids(connections), tt.connections) || clients(connections) != tt.clients {
			t.Errorf("%s: first %v, connections %v, clients %d", tt.name, pids(first), pids(connections), clients(connections))
		}
	}
	// A circle ends.
	all := map[int]process{5: {pid: 5, parent: 6}, 6: {pid: 6, parent: 5}}
	if left := below(all, 1, []process{all[5]}); len(left) != 0 {
		t.Errorf("%v", left)
	}
}

func TestParseStat(t *testing.T) {
	for _, text := range []string{"", "5", "5 (x", "5 (x) S", "5 (x) S a 1 1 0", "5 (x) Z 1 5 5 0 -1", ")5 ("} {
		if p, ok := parseStat(5, text); ok {
			t.Errorf("%q: %+v", text, p)
		}
	}
}

func TestTerminal(t *testing.T) {
	for tty, want := range map[int]string{136 << 8: "/dev/pts/0", 136<<8 | 7: "/dev/pts/7", 137 << 8: "/dev/pts/256", 4<<8 | 1: "", 0: ""} {
		if got := terminal(tty); got != want {
			t.Errorf("%#x: %q", tty, got)
		}
	}
}

// TestWait: an end is seen as it comes, with a pidfd and without.
func TestWait(t *testing.T) {
	for _, without := range []bool{false, true} {
		cmd := exec.Command("cat")
		in, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		h := hold([]process{{pid: cmd.Process.Pid}})
		if without {
			h.close()
			h[0].fd = -1
		}
		h.wait(time.Millisecond)
		if h[0].ended {
			t.Error("it runs, and is said to have ended")
		}
		in.Close()
		cmd.Wait() // a pidfd is readable once the process has ended, reaped or not
		h.wait(time.Minute)
		if !h[0].ended {
			t.Error("it has ended, and that is not seen")
		}
		if !without {
			h.close()
		}
	}
}
