package file

import (
	"os"
	"path/filepath"
	"testing"
)

// TestEveryInstant looks at the file before each step of the writer that others may see: it is whole, or it is in the middle of one of the pairs that the
// package comment names and Repair makes it whole. What was appended before is there.
func TestEveryInstant(t *testing.T) {
	t.Run("entry by entry", func(t *testing.T) { everyInstant(t, true) })
	t.Run("in batches", func(t *testing.T) { everyInstant(t, false) })
}

func everyInstant(t *testing.T, exact bool) {
	dir := t.TempDir()
	path := filepath.Join(dir, "system.journal")
	w := write(t, path, testOptions, 0)
	w.exact = exact
	instants, torn, done := 0, 0, uint64(0)
	w.observe = func() {
		instants++
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(dir, "copy.journal")
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if broken := verify(t, copied); broken != nil {
			torn++
			if n, err := Repair(copied); err != nil || n == 0 {
				t.Fatalf("instant %d of entry %d: %v; Repair: %d, %v", instants, done, broken, n, err)
			}
			if err := verify(t, copied); err != nil {
				t.Fatalf("instant %d of entry %d: %v; after Repair: %v", instants, done, broken, err)
			}
		}
		r, err := Open(copied)
		if err != nil {
			t.Fatal(err)
		}
		if n := r.Entries(); n < done || n > done+5 {
			t.Fatalf("instant %d: %d entries, %d were appended", instants, n, done)
		}
		r.Close()
	}
	for i := 0; i < 15; i += 5 {
		var batch []Record
		for k := range 5 {
			batch = append(batch, testRecord(w, i+k))
		}
		if _, err := w.Append(batch...); err != nil {
			t.Fatal(err)
		}
		done += 5
	}
	w.observe = nil
	if torn == 0 || (exact && torn > instants/3) {
		t.Errorf("%d of %d instants are in the middle of a pair", torn, instants)
	}
	t.Logf("%d instants, %d in the middle of a pair", instants, torn)
}
