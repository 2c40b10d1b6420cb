package journal

import (
	"fmt"
	"path/filepath"
	"sort"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

// entries reads all fields of all entries of the files under a root, in the order of their numbers.
func entries(t testing.TB, root string) (list [][]string) {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(root, "*/log/journal/*/*.journal*"))
	type numbered struct {
		seqnum uint64
		fields []string
	}
	var all []numbered
	for _, p := range paths {
		r, err := file.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Verify(); err != nil {
			t.Errorf("%s: %v", p, err)
		}
		l := r.All()
		n, err := l.Len()
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			at, err := l.At(i)
			if err != nil {
				t.Fatal(err)
			}
			e, err := r.Entry(at)
			if err != nil {
				t.Fatal(err)
			}
			items, err := r.Items(at, nil)
			if err != nil {
				t.Fatal(err)
			}
			var f []string
			for _, d := range items {
				text, err := r.Data(d)
				if err != nil {
					t.Fatal(err)
				}
				f = append(f, string(text))
			}
			all = append(all, numbered{e.Seqnum, f})
		}
	}
	sort.Slice(all, func(i, k int) bool { return all[i].seqnum < all[k].seqnum })
	for _, e := range all {
		list = append(list, e.fields)
	}
	return list
}

func options(root string) Options {
	return Options{Root: root, Console: Console{FD: -1}, Hostname: "box", MachineID: file.ID{1}, BootID: file.ID{2}}
}

func BenchmarkStream(b *testing.B) {
	root := b.TempDir()
	o := options(root)
	o.Config.RateLimit.Off = true
	o.Config.Runtime = Use{MaxUse: 4 << 30, MaxFileSize: 128 << 20}
	c, err := Start(o)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	const streams = 50
	var fds [streams]int
	for i := range fds {
		if fds[i], err = c.Stream(Stream{Unit: fmt.Sprintf("u%d.service", i), Identifier: "u", Priority: 6, Facility: 3}); err != nil {
			b.Fatal(err)
		}
		defer unix.Close(fds[i])
	}
	b.ResetTimer()
	var before, after unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &before)
	done := make(chan bool)
	for i := range fds {
		go func() {
			for k := i; k < b.N; k += streams {
				line := fmt.Appendf(nil, "%08d %091d\n", k, 0)
				if _, err := unix.Write(fds[i], line); err != nil {
					panic(err)
				}
			}
			done <- true
		}()
	}
	for range fds {
		<-done
	}
	if err := c.Sync(); err != nil {
		b.Fatal(err)
	}
	unix.Getrusage(unix.RUSAGE_SELF, &after)
	cpu := time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N), "cpu-ns/line")
}
