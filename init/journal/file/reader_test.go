package file

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestHashes are lookup3's own examples (driver5 of lookup3.c, with both halves) and SipHash's vector.
func TestHashes(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint64
	}{
		{"", 0xdeadbeefdeadbeef},
		{"Four score and seven years ago", 0x17770551ce7226e6},
	} {
		if got := HashJenkins([]byte(c.text)); got != c.want {
			t.Errorf("%q: %x, want %x", c.text, got, c.want)
		}
	}
	var id ID
	text := make([]byte, 15)
	for i := range id {
		id[i] = byte(i)
	}
	for i := range text {
		text[i] = byte(i)
	}
	if got := hashKeyed(&id, text); got != 0xa129ca6149be45e5 {
		t.Errorf("SipHash: %x", got)
	}
}

func TestParseID(t *testing.T) {
	for _, c := range []struct {
		text string
		ok   bool
	}{
		{"0123456789abcdef0123456789ABCDEF", true},
		{"01234567-89ab-cdef-0123-456789abcdef", true},
		{"0123456789abcdef0123456789abcde", false},
		{"0123456789abcdef0123456789abcdeg", false},
		{"0123-4567-89ab-cdef-0123456789abcdef", false},
		{"", false},
	} {
		id, err := ParseID(c.text)
		if (err == nil) != c.ok {
			t.Errorf("%q: %v", c.text, err)
		}
		if err == nil && id.String() != "0123456789abcdef0123456789abcdef" {
			t.Errorf("%q: %s", c.text, id)
		}
	}
}

func TestValidField(t *testing.T) {
	for _, c := range []struct {
		name            string
		free, protected bool
	}{
		{"MESSAGE", true, true}, {"A1_", true, true}, {"_PID", false, true}, {"__CURSOR", false, true}, {"1A", false, false}, {"a", false, false},
		{"A-B", false, false}, {"", false, false}, {strings.Repeat("A", 64), true, true}, {strings.Repeat("A", 65), false, false}, {"A\x00", false, false},
	} {
		if got := ValidField([]byte(c.name), false); got != c.free {
			t.Errorf("%q: %v", c.name, got)
		}
		if got := ValidField([]byte(c.name), true); got != c.protected {
			t.Errorf("%q, protected: %v", c.name, got)
		}
	}
}

// TestRead reads back what was written, by all ways that there are.
func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "system.journal")
	const n = 500
	w := write(t, path, testOptions, n)
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Entries() != n {
		t.Fatalf("%d entries", r.Entries())
	}
	all := r.All()
	for i := range uint64(n) {
		at, err := all.At(i)
		if err != nil {
			t.Fatal(err)
		}
		e, err := r.Entry(at)
		if err != nil {
			t.Fatal(err)
		}
		if e.Seqnum != i+1 || e.Monotonic != 5_000_000+i || e.Realtime != 1_700_000_000_000_000+i || e.Boot != testOptions.Boot {
			t.Fatalf("%d: %+v", i, e)
		}
		items, err := r.Items(at, nil)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		xor := uint64(0)
		for _, d := range items {
			text, err := r.Data(d)
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, string(text))
			xor ^= HashJenkins(text)
		}
		if xor != e.Xor {
			t.Errorf("%d: xor %x, want %x", i, e.Xor, xor)
		}
		slices.Sort(texts)
		want := []string{fmt.Sprintf("MESSAGE=line %d", i/10*10), fmt.Sprintf("PRIORITY=%d", i%8), "_HOSTNAME=box", fmt.Sprintf("_SYSTEMD_UNIT=u%d.service", i%7)}
		if i%13 == 0 {
			want = slices.Insert(want, 1, fmt.Sprintf("NUMBER=%d", i))
		}
		if !slices.Equal(texts, want) {
			t.Errorf("%d: %q, want %q", i, texts, want)
		}
	}
	data, err := r.Find([]byte("_SYSTEMD_UNIT=u3.service"))
	if err != nil || data == 0 {
		t.Fatal(data, err)
	}
	list := r.With(data)
	if count, err := list.Len(); err != nil || count != (n+3)/7 {
		t.Errorf("%d entries of u3.service, %v", count, err)
	}
	for i := range uint64(5) {
		at, err := list.At(i)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := r.Entry(at); err != nil || e.Seqnum != 7*i+4 {
			t.Errorf("entry %d of u3.service is %d, %v", i, e.Seqnum, err)
		}
	}
	if at, err := r.Find([]byte("_SYSTEMD_UNIT=none")); at != 0 || err != nil {
		t.Errorf("found %d, %v", at, err)
	}
	var names []string
	if err := r.Fields(func(name []byte) { names = append(names, string(name)) }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if want := []string{"MESSAGE", "NUMBER", "PRIORITY", "_HOSTNAME", "_SYSTEMD_UNIT"}; !slices.Equal(names, want) {
		t.Errorf("fields %q", names)
	}
	var values []string
	if err := r.Values("PRIORITY", func(text []byte) bool { values = append(values, string(text)); return true }); err != nil {
		t.Fatal(err)
	}
	if len(values) != 8 || values[0] != "PRIORITY=7" || values[7] != "PRIORITY=0" {
		t.Errorf("values %q", values)
	}

	// It grows under the reader's eyes.
	if err := appendTest(w, n); err != nil {
		t.Fatal(err)
	}
	if at, err := all.At(n); err != nil || at == 0 {
		t.Errorf("the new entry: %d, %v", at, err)
	}
}

// TestAppendRefuses are entries that cannot be.
func TestAppendRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "system.journal")
	w := write(t, path, testOptions, 3)
	for _, c := range []struct {
		name string
		r    Record
		want error
	}{
		{"earlier", Record{Realtime: 1, Monotonic: 9_000_000, Fields: [][]byte{[]byte("A=b")}}, ErrBackwards},
		{"earlier since boot", Record{Realtime: 1 << 54, Monotonic: 1, Fields: [][]byte{[]byte("A=b")}}, ErrBackwards},
		{"too large", Record{Realtime: 1 << 54, Monotonic: 9_000_000, Fields: [][]byte{append([]byte("A="), make([]byte, 3<<20)...)}}, ErrFull},
		{"nothing", Record{Realtime: 1 << 54, Monotonic: 9_000_000}, nil},
		{"no name", Record{Realtime: 1 << 54, Monotonic: 9_000_000, Fields: [][]byte{[]byte("=x")}}, nil},
		{"not a field", Record{Realtime: 1 << 54, Monotonic: 9_000_000, Fields: [][]byte{[]byte("text")}}, nil},
		{"too many", Record{Realtime: 1 << 54, Monotonic: 9_000_000, Fields: make([][]byte, maxItems+1)}, nil},
	} {
		n, err := w.Append(c.r)
		if n != 0 || err == nil || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%s: %d, %v", c.name, n, err)
		}
	}
	if err := appendTest(w, 3); err != nil {
		t.Fatal(err)
	}
	if err := verify(t, path); err != nil {
		t.Error(err)
	}
}

// TestFull fills a file, which is then archived and cut to its size.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "system.journal")
	w := write(t, path, Options{MaxSize: SizeSmallest, Machine: ID{1}, Boot: ID{2}}, 0)
	i := 0
	for ; ; i++ {
		if err := appendTest(w, i); errors.Is(err, ErrFull) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if i < 1000 {
		t.Errorf("full after %d entries", i)
	}
	h := w.Header()
	if err := w.Archive(); err != nil {
		t.Fatal(err)
	}
	if err := appendTest(w, i); err == nil {
		t.Error("an archived file takes entries")
	}
	if err := verify(t, path); err != nil {
		t.Error(err)
	}
	st, err := os.Stat(path)
	if err != nil || uint64(st.Size()) > SizeSmallest || uint64(st.Size())-w.Used() >= 4096 {
		t.Errorf("%v, %d used, %v", st.Size(), w.Used(), err)
	}
	want := fmt.Sprintf("system@%s-%016x-%016x.journal", h.File, 1, uint64(1_700_000_000_000_000))
	if got := ArchivedName("system", &h); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestInterned has the same data come interned and not, in one batch, and after the Writer forgot what it interned.
func TestInterned(t *testing.T) {
	path := filepath.Join(t.TempDir(), "system.journal")
	w := write(t, path, testOptions, 0)
	d, loose := NewData([]byte("A=1")), []byte("A=1")
	time := uint64(1_700_000_000_000_000)
	add := func(batch ...Record) {
		t.Helper()
		for i := range batch {
			time++
			batch[i].Realtime, batch[i].Monotonic = time, time
		}
		if n, err := w.Append(batch...); err != nil || n != len(batch) {
			t.Fatal(n, err)
		}
		if err := verify(t, path); err != nil {
			t.Fatalf("%d entries: %v", w.Header().Entries, err)
		}
	}
	for range 5 {
		for range 2 {
			add(Record{Fields: [][]byte{loose}}, Record{Interned: []*Data{d}}, Record{Fields: [][]byte{loose, loose, []byte("B=2")}},
				Record{Interned: []*Data{d, d}, Fields: [][]byte{loose}}, Record{Interned: []*Data{NewData(loose)}})
			w.reset()
			add(Record{Fields: [][]byte{loose}})
		}
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	at, err := r.Find(loose)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.With(at).Len(); err != nil || n != 60 {
		t.Errorf("%d entries, %v", n, err)
	}
}

// TestCorrupt opens what is no journal file.
func TestCorrupt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "system.journal")
	w := write(t, path, testOptions, 10)
	w.Close()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(b []byte) []byte
		want   error
	}{
		{"empty", func(b []byte) []byte { return nil }, ErrCorrupt},
		{"no signature", func(b []byte) []byte { b[0]++; return b }, ErrCorrupt},
		{"a later feature", func(b []byte) []byte { b[12] |= 0x80; return b }, nil},
		{"cut", func(b []byte) []byte { return b[:len(b)/2] }, ErrShort},
		{"state", func(b []byte) []byte { b[16] = 9; return b }, ErrCorrupt},
		{"hash table", func(b []byte) []byte { le.PutUint64(b[104:], 1<<60); return b }, ErrCorrupt},
	} {
		if err := os.WriteFile(path, c.change(bytes.Clone(good)), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path)
		if err == nil {
			r.Close()
		}
		if err == nil || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestFault has a file cut that is mapped by reader and writer.
func TestFault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "system.journal")
	w := write(t, path, testOptions, 100)
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(); !errors.Is(err, ErrFault) {
		t.Errorf("reader: %v", err)
	}
	if err := appendTest(w, 100); !errors.Is(err, ErrFault) {
		t.Errorf("writer: %v", err)
	}
	if err := appendTest(w, 101); !errors.Is(err, ErrFault) {
		t.Errorf("writer, again: %v", err)
	}
}

func TestLZ4(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"\x08\x00\x00\x00\x00\x00\x00\x00\x80abcdefgh", "abcdefgh"},
		{"\x18\x00\x00\x00\x00\x00\x00\x00\x4fabcd\x04\x00\x01", strings.Repeat("abcd", 6)},
		{"\x1a\x00\x00\x00\x00\x00\x00\x00\x4fabcd\x04\x00\x01\x20xy", strings.Repeat("abcd", 6) + "xy"},
		{"\x05\x01\x00\x00\x00\x00\x00\x00\x1fa\x01\x00\xff\x01\x00", ""}, // a byte more than it says
		{"\x18\x00\x00\x00\x00\x00\x00\x00\x4fabcd\x05\x00\x01", ""},      // from before its beginning
		{"\x18\x00\x00\x00\x00\x00\x00\x00\x4fabcd\x00\x00\x01", ""},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\x4fabcd\x04\x00\x01", ""},
		{"\x08\x00\x00\x00\x00\x00\x00\x00\xf0abcdefgh", ""},
		{"\x08\x00\x00\x00\x00\x00\x00\x00", ""},
	} {
		got, err := unlz4(nil, []byte(c.in))
		if string(got) != c.want && err == nil || (err == nil) != (c.want != "") {
			t.Errorf("%q: %q, %v", c.in, got, err)
		}
	}
}
