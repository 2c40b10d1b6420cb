package main

import (
	"errors"
	"os"
)

// size is of the file, and of all files that the running program maps: one that is linked dynamically does not run without the others.
func size(b *bench) (figures []figure, err error) {
	all, err := b.startFirsts(b.wrappers(), b.children.sleeps, 1)
	defer func() { err = errors.Join(err, all.end()) }()
	if err != nil {
		return nil, err
	}
	file, files, threads := b.figure("file, KiB"), b.figure("with its libraries, KiB"), b.figure("threads")
	for _, c := range b.wrappers() {
		one, err := kib(b.programs[c].path)
		if err != nil {
			return nil, err
		}
		file.add(c, one)
		mapped, err := mappedFiles(all[c].pid)
		if err != nil {
			return nil, err
		}
		sum := 0.0
		for _, m := range mapped {
			n, err := kib(m)
			if err != nil {
				return nil, err
			}
			sum += n
		}
		files.add(c, sum)
		s, err := readStatus(all[c].pid)
		if err != nil {
			return nil, err
		}
		threads.add(c, float64(s.threads))
	}
	return []figure{file, files, threads}, nil
}

func kib(file string) (float64, error) {
	info, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return float64(info.Size()) / 1024, nil
}
