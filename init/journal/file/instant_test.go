package file

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestEveryCommit looks at the file as it is before each commit, when all that the commit will refer to has been written: it is whole. What was
// appended before is there.
func TestEveryCommit(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("without a memfd %v", plain), func(t *testing.T) { everyCommit(t, plain) })
	}
}

func everyCommit(t *testing.T, plain bool) {
	dir := t.TempDir()
	path := filepath.Join(dir, "system.journal")
	o := testOptions
	o.MaxSize = 16 << 20
	w := write(t, path, o, 0)
	if plain {
		w.changes.close()
		w.changes.page = make([]byte, changesSize)
	}
	commits, done := 0, uint64(0)
	w.observe = func() {
		commits++
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(dir, "copy.journal")
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := verify(t, copied); err != nil {
			t.Fatalf("commit %d after entry %d: %v", commits, done, err)
		}
		r, err := Open(copied)
		if err != nil {
			t.Fatal(err)
		}
		if n := r.Entries(); n < done || n > done+40 {
			t.Fatalf("commit %d: %d entries, %d were appended", commits, n, done)
		}
		r.Close()
	}
	for i := 0; i < 240; i += 40 {
		var batch []Record
		for k := range 40 {
			r := testRecord(w, i+k)
			if i > 100 && k == 7 { // more words than usually wait
				for n := range 200 {
					r.Fields = append(r.Fields, fmt.Appendf(nil, "FIELD_%d=%d", n, i))
				}
			}
			batch = append(batch, r)
		}
		if _, err := w.Append(batch...); err != nil {
			t.Fatal(err)
		}
		done += 40
	}
	w.observe = nil
	if err := verify(t, path); err != nil {
		t.Fatal(err)
	}
	if commits < 6 || commits > 60 {
		t.Errorf("%d commits", commits)
	}
}
