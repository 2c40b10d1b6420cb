package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// memory looks at one instance of each program, and at many of one program at the same time, between which the kernel divides what they share.
func memory(b *bench) ([]figure, error) {
	if err := b.clean(); err != nil {
		return nil, err
	}
	pss, rss, private := b.figure("PSS, KiB"), b.figure("RSS, KiB"), b.figure("private, KiB")
	many := b.figure(fmt.Sprintf("PSS each, %d at once, KiB", b.instances))
	for _, c := range b.rounds(b.looks, b.wrappers()) {
		one, err := b.look(c, 1)
		if err != nil {
			return nil, err
		}
		pss.add(c, one[0].pss)
		rss.add(c, one[0].rss)
		private.add(c, one[0].private)
	}
	for _, c := range b.rounds(1, b.wrappers()) {
		all, err := b.look(c, b.instances)
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			many.add(c, r.pss)
		}
	}
	return []figure{pss, rss, private, many}, nil
}

// clean has the programs' files written to the disk: until they are, their pages count as dirty, and a page that is dirty is counted as written by
// whoever maps it.
func (b *bench) clean() error {
	for _, c := range b.wrappers() {
		f, err := os.Open(b.programs[c].path)
		if err != nil {
			return err
		}
		err = errors.Join(f.Sync(), f.Close())
		// EINVAL: it is on something that cannot be synchronized (fsync(2)), and so has nothing to write.
		if err != nil && !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	return nil
}

// look starts n instances of a program, and looks at each when all are there.
func (b *bench) look(column, n int) (found []rollup, err error) {
	var all firsts
	defer func() { err = errors.Join(err, all.end()) }()
	for range n {
		f, err := startFirst(b.programs[column], b.children.sleeps, 1)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	for _, f := range all {
		r, err := readRollup(f.pid)
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}
