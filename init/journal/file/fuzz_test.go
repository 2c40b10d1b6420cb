package file

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzReader changes bytes of a file: whatever is asked of it, the reader neither panics nor goes on for ever.
func FuzzReader(f *testing.F) {
	path := filepath.Join(f.TempDir(), "good.journal")
	w := write(f, path, testOptions, 60)
	end := w.tail
	w.Close()
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{0, 0, 136, 1, 0, 0, 144, 200, 0, 0, 96, 1})
	f.Fuzz(func(t *testing.T, changes []byte) {
		text := append([]byte(nil), good...)
		for ; len(changes) >= 4; changes = changes[4:] {
			at := uint64(changes[0])<<16 | uint64(changes[1])<<8 | uint64(changes[2])
			// The hash tables are large and mostly empty; what matters is the header and what follows them.
			if at = at % (headerSize + end - w.head.FieldTable); at >= headerSize {
				at += w.head.FieldTable - headerSize
			}
			text[at] ^= changes[3]
		}
		changed := filepath.Join(t.TempDir(), "changed.journal")
		if err := os.WriteFile(changed, text, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(changed)
		if err != nil {
			return
		}
		defer r.Close()
		r.Verify()
		r.Guard(func() error {
			r.Fields(func([]byte) {})
			r.Values("MESSAGE", func([]byte) bool { return true })
			all := r.All()
			n, _ := all.Len()
			var items []uint64
			for i := range min(n, 100) {
				at, err := all.At(i)
				if err != nil {
					break
				}
				r.Entry(at)
				items, _ = r.Items(at, items[:0])
				for _, d := range items[:min(len(items), 20)] {
					text, err := r.Data(d)
					if err != nil {
						continue
					}
					if found, err := r.Find(text); err == nil && found != 0 {
						l := r.With(found)
						l.Search(func(e uint64) (bool, error) { return e >= at, nil })
					}
				}
			}
			return nil
		})
	})
}

// FuzzLZ4 decompresses anything.
func FuzzLZ4(f *testing.F) {
	f.Add([]byte("\x08\x00\x00\x00\x00\x00\x00\x00\x80abcdefgh"))
	f.Add([]byte("\x14\x00\x00\x00\x00\x00\x00\x00\x4fabcd\x04\x00\x01"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := unlz4(nil, in)
		if err == nil && uint64(len(out)) != le.Uint64(in) {
			t.Errorf("%d bytes of %d", len(out), le.Uint64(in))
		}
	})
}
