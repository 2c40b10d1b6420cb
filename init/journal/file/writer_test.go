package file

import (
	"fmt"
	"path/filepath"
	"testing"
)

var testOptions = Options{MaxSize: 2 << 20, Machine: ID{1}, Boot: ID{2}}

// write makes a file of n entries, of which every tenth has a message of its own.
func write(t testing.TB, path string, o Options, n int) *Writer {
	t.Helper()
	w, err := Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	for i := range n {
		if err := appendTest(w, i); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	return w
}

func appendTest(w *Writer, i int) error {
	_, err := w.Append(testRecord(w, i))
	return err
}

func testRecord(w *Writer, i int) Record {
	host := w.Intern([]byte("_HOSTNAME=box"))
	unit := w.Intern(fmt.Appendf(nil, "_SYSTEMD_UNIT=u%d.service", i%7))
	fields := [][]byte{fmt.Appendf(nil, "MESSAGE=line %d", i/10*10), fmt.Appendf(nil, "PRIORITY=%d", i%8)}
	if i%13 == 0 {
		fields = append(fields, fmt.Appendf(nil, "NUMBER=%d", i))
	}
	return Record{1_700_000_000_000_000 + uint64(i), 5_000_000 + uint64(i), []*Data{host, unit}, fields}
}

func TestWriteRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "system.journal")
	write(t, path, testOptions, 1000)
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Verify(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkAppend(b *testing.B) {
	o := testOptions
	o.MaxSize = 1 << 30
	w, err := Create(filepath.Join(b.TempDir(), "system.journal"), o)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	var interned []*Data
	for i := range 17 {
		interned = append(interned, w.Intern(fmt.Appendf(nil, "FIELD_%d=some constant value", i)))
	}
	batch := make([]Record, 50)
	lines := make([][]byte, len(batch))
	b.ReportAllocs()
	for i := 0; i < b.N; {
		for k := range batch {
			lines[k] = fmt.Appendf(lines[k][:0], "MESSAGE=%0100d", i)
			batch[k] = Record{1_700_000_000_000_000 + uint64(i), uint64(i), interned, lines[k : k+1]}
			i++
		}
		if _, err := w.Append(batch...); err != nil {
			b.Fatal(err)
		}
	}
}
