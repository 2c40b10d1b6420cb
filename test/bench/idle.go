package main

import (
	"errors"
	"fmt"
	"time"
)

// idle counts how often each program runs while there is nothing to do.
func idle(b *bench) (figures []figure, err error) {
	all, err := b.startFirsts(b.wrappers(), b.children.sleeps, 1)
	defer func() { err = errors.Join(err, all.end()) }()
	if err != nil {
		return nil, err
	}
	switches := b.figure(fmt.Sprintf("context switches in %v", b.effort.idle))
	used := b.figure("processor time, µs")
	before, err := all.usage()
	if err != nil {
		return nil, err
	}
	select {
	case <-time.After(b.effort.idle):
	case <-b.ctx.Done():
	}
	after, err := all.usage()
	if err != nil {
		return nil, err
	}
	for _, c := range b.wrappers() {
		switches.add(c, float64(after[c].switches-before[c].switches))
		used.add(c, after[c].micro-before[c].micro)
	}
	return []figure{switches, used}, nil
}

func (all firsts) usage() ([]usage, error) {
	used := make([]usage, len(all))
	for c, f := range all {
		if f == nil {
			continue
		}
		var err error
		if used[c], err = f.usage(); err != nil {
			return nil, err
		}
	}
	return used, nil
}
