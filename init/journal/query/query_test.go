package query

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keelson/init/journal/file"
	"keelson/init/journal/show"
)

// many writes files whose entries lie between each other, some of them in two files.
func many(t *testing.T, dir string) {
	t.Helper()
	for f := range 4 {
		// The last is a copy of a part of the first.
		series, boot := file.ID{byte(1 + f)}, file.ID{byte(1 + f/2)}
		w, err := file.Create(filepath.Join(dir, fmt.Sprintf("f%d.journal", f)), file.Options{MaxSize: 1 << 20, Boot: boot, SeqnumID: series})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			usec := uint64(1_000_000 + 4000*i + 1000*f)
			fields := []string{fmt.Sprintf("MESSAGE=%d of %d", i, f), "_BOOT_ID=" + boot.String()}
			for _, n := range []int{2, 3, 5, 7} {
				fields = append(fields, fmt.Sprintf("MOD%d=%d", n, i%n))
			}
			if i%11 == 0 {
				fields = append(fields, "ELEVENTH=yes")
			}
			var b [][]byte
			for _, text := range fields {
				b = append(b, []byte(text))
			}
			if _, err := w.Append(file.Record{Realtime: usec, Monotonic: usec, Fields: b}); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
	}
}

// walk reads all entries in a direction, as their messages.
func walk(t *testing.T, j *Journal, back bool) (list []string, entries []*show.Entry) {
	t.Helper()
	for {
		n, err := j.Skip(1, back)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return list, entries
		}
		e, err := j.Entry()
		if err != nil {
			t.Fatal(err)
		}
		list, entries = append(list, string(e.Get("MESSAGE"))), append(entries, e)
	}
}

// TestMatches compares the index with looking at every entry, for expressions by chance.
func TestMatches(t *testing.T) {
	dir := t.TempDir()
	many(t, dir)
	j, err := Open(Where{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	j.SeekHead()
	order, all := walk(t, j, false)
	if len(order) != 800 {
		t.Fatalf("%d entries", len(order))
	}
	if !slices.IsSortedFunc(all, func(a, b *show.Entry) int { return int(a.Realtime) - int(b.Realtime) }) {
		t.Error("entries are not in the order of time")
	}
	chance := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		j.FlushMatches()
		var words []string
		// As the words mean it: all conjuncts, any alternative, all fields, any value.
		type alternative map[string][]string
		expression := [][]alternative{{{}}}
		for range 1 + chance.IntN(7) {
			last := expression[len(expression)-1]
			switch k := chance.IntN(8); {
			case k == 0:
				j.Matches.Or()
				words = append(words, "+")
				if len(last[len(last)-1]) > 0 {
					expression[len(expression)-1] = append(last, alternative{})
				}
			case k == 1:
				j.Matches.And()
				words = append(words, "&")
				if len(last[len(last)-1]) == 0 {
					expression[len(expression)-1] = last[:len(last)-1]
				}
				if len(expression[len(expression)-1]) > 0 {
					expression = append(expression, nil)
				}
				expression[len(expression)-1] = []alternative{{}}
			default:
				n := []int{2, 3, 5, 7, 13}[chance.IntN(5)]
				name, value := fmt.Sprintf("MOD%d", n), fmt.Sprint(chance.IntN(n))
				if err := j.Matches.Add(name + "=" + value); err != nil {
					t.Fatal(err)
				}
				words = append(words, name+"="+value)
				a := last[len(last)-1]
				a[name] = append(a[name], value)
			}
		}
		matches := func(e *show.Entry) bool {
			return !slices.ContainsFunc(expression, func(any []alternative) bool {
				real := slices.DeleteFunc(slices.Clone(any), func(a alternative) bool { return len(a) == 0 })
				return len(real) > 0 && !slices.ContainsFunc(real, func(a alternative) bool {
					for name, values := range a {
						if !slices.Contains(values, string(e.Get(name))) {
							return false
						}
					}
					return true
				})
			})
		}
		var want []string
		for i, e := range all {
			if matches(e) {
				want = append(want, order[i])
			}
		}
		j.SeekHead()
		got, _ := walk(t, j, false)
		if !slices.Equal(got, want) {
			t.Fatalf("round %d: %s: %d entries, want %d", round, strings.Join(words, " "), len(got), len(want))
		}
		j.SeekTail()
		got, _ = walk(t, j, true)
		slices.Reverse(got)
		if !slices.Equal(got, want) {
			t.Fatalf("round %d: %s, backwards: %d entries, want %d", round, strings.Join(words, " "), len(got), len(want))
		}
	}
}

// TestSeek goes to every entry by its cursor and its time, and from there both ways.
func TestSeek(t *testing.T) {
	dir := t.TempDir()
	many(t, dir)
	j, err := Open(Where{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	j.SeekHead()
	order, all := walk(t, j, false)
	at := func(what string, i int, back bool, want int) {
		t.Helper()
		n, err := j.Skip(1, back)
		if err != nil {
			t.Fatal(err)
		}
		if want < 0 || want >= len(order) {
			if n != 0 {
				t.Fatalf("%s %d: an entry beyond the end", what, i)
			}
			return
		}
		if n == 0 {
			t.Fatalf("%s %d: no entry, want %d", what, i, want)
		}
		e, err := j.Entry()
		if err != nil {
			t.Fatal(err)
		}
		if string(e.Get("MESSAGE")) != order[want] {
			t.Fatalf("%s %d: %q, want %q", what, i, e.Get("MESSAGE"), order[want])
		}
	}
	for i := 0; i < len(all); i += 7 {
		if err := j.SeekCursor(all[i].Cursor); err != nil {
			t.Fatal(err)
		}
		at("cursor", i, false, i)
		at("behind cursor", i, false, i+1)
		at("back again", i, true, i)
		at("before cursor", i, true, i-1)
		j.SeekCursor(all[i].Cursor)
		at("cursor, backwards", i, true, i)
		j.SeekRealtime(all[i].Realtime)
		at("time", i, false, i)
		j.SeekRealtime(all[i].Realtime)
		at("time, backwards", i, true, i)
		j.SeekRealtime(all[i].Realtime + 1)
		at("behind time", i, false, i+1)
	}
	for _, cursor := range []string{"", "x", "s=1", "i=5", "s=" + strings.Repeat("1", 32), "t=zz", "m=5"} {
		if err := j.SeekCursor(cursor); err == nil {
			t.Errorf("%q is taken for a cursor", cursor)
		}
	}
}

// TestCopies has the same file twice: each entry is there once.
func TestCopies(t *testing.T) {
	dir := t.TempDir()
	many(t, dir)
	text, err := os.ReadFile(filepath.Join(dir, "f0.journal"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "copy.journal"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := Open(Where{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for _, back := range []bool{false, true} {
		j.SeekHead()
		if back {
			j.SeekTail()
		}
		if list, _ := walk(t, j, back); len(list) != 800 || len(slices.Compact(slices.Sorted(slices.Values(list)))) != 800 {
			t.Errorf("backwards %v: %d entries", back, len(list))
		}
	}
	boots, err := j.Boots()
	if err != nil || len(boots) != 2 || boots[0].ID != (file.ID{1}) || boots[0].First != 1_000_000 || boots[1].Last != 1_000_000+4000*199+3000 {
		t.Errorf("%+v, %v", boots, err)
	}
}

// TestDamage leaves a damaged file out from where it is damaged on, and reads the others.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	many(t, dir)
	path := filepath.Join(dir, "f1.journal")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(text) / 2; i < len(text); i++ {
		text[i] = 0x55
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := Open(Where{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	j.SeekHead()
	list, _ := walk(t, j, false)
	if len(list) < 600 || len(list) >= 800 || j.Failed()[path] == nil {
		t.Errorf("%d entries, %v", len(list), j.Failed())
	}
}

// TestForeign reads files that systemd wrote, with all that its format has: compact or not, hashed with or without a key, compressed or not.
// systemd-journal-remote writes them from what journalctl -o export gives.
func TestForeign(t *testing.T) {
	remote, err := exec.LookPath("systemd-journal-remote")
	for _, path := range []string{"/usr/lib/systemd/systemd-journal-remote", "/lib/systemd/systemd-journal-remote"} {
		if _, missing := os.Stat(path); err != nil && missing == nil {
			remote, err = path, nil
		}
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("systemd-journal-remote is wanted: %v", err)
		}
		t.Skipf("nothing to write systemd's files with: %v", err)
	}
	var want []string
	var export bytes.Buffer
	p := show.NewPrinter(&export, show.Export, show.Options{})
	for i := range 400 {
		long := strings.Repeat(fmt.Sprint("text that compresses ", i%10, " "), 100*(i%3))
		e := &show.Entry{Cursor: fmt.Sprintf("s=%s;i=%x", file.ID{5}, i+1), Realtime: uint64(1_700_000_000_000_000 + i), Monotonic: uint64(1000 + i), Boot: file.ID{7}, Fields: [][]byte{
			[]byte(fmt.Sprintf("MESSAGE=%d %s", i, long)), []byte(fmt.Sprintf("PRIORITY=%d", i%8)), []byte(fmt.Sprintf("_PID=%d", i%5)), []byte("_HOSTNAME=box"), []byte("BINARY=a\nb\x00c")}}
		if err := p.Print(e, [2]int{}); err != nil {
			t.Fatal(err)
		}
		want = append(want, string(e.Get("MESSAGE")))
	}
	for _, c := range []struct {
		env      string
		compress string
		flags    uint32
	}{
		{"COMPACT=1", "yes", file.IncompatibleCompact | file.IncompatibleKeyed | file.IncompatibleZSTD},
		{"COMPACT=0", "yes", file.IncompatibleKeyed | file.IncompatibleZSTD},
		{"KEYED_HASH=0", "no", file.IncompatibleCompact},
	} {
		path := filepath.Join(t.TempDir(), "foreign.journal")
		cmd := exec.Command(remote, "--compress="+c.compress, "-o", path, "-")
		cmd.Env = append(os.Environ(), "SYSTEMD_JOURNAL_"+c.env)
		cmd.Stdin = bytes.NewReader(export.Bytes())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", c.env, err, out)
		}
		r, err := file.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		h, err := r.Header()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Verify(); err != nil {
			t.Errorf("%s: %v", c.env, err)
		}
		r.Close()
		if h.Incompatible != c.flags {
			t.Errorf("%s: flags %#x, want %#x", c.env, h.Incompatible, c.flags)
		}
		j, err := Open(Where{Files: []string{path}})
		if err != nil {
			t.Fatal(err)
		}
		j.SeekHead()
		got, entries := walk(t, j, false)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d entries of %d", c.env, len(got), len(want))
		}
		for _, e := range entries[:min(len(entries), 5)] {
			if string(e.Get("BINARY")) != "a\nb\x00c" {
				t.Errorf("%s: %q", c.env, e.Get("BINARY"))
			}
		}
		j.FlushMatches()
		for _, m := range []string{"MESSAGE=" + want[11], "_PID=1"} {
			if err := j.Matches.Add(m); err != nil {
				t.Fatal(err)
			}
		}
		j.SeekTail()
		if got, _ := walk(t, j, true); len(got) != 1 || got[0] != want[11] {
			t.Errorf("%s: a match of a long field finds %d entries", c.env, len(got))
		}
		j.Close()
	}
}
