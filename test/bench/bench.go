// Command bench compares keelson's wrapper with the programs that it stands in for, tini (dynamic and static), dumb-init and catatonit as Debian
// packages them, and with executing the command directly. It prints a table of figures, and judges nothing: its exit status is 0 unless something could not
// be measured.
//
//	go run ./test/bench [-quick] [-run NAME,...] [-seed N] [-also FILE]
//
// # Vocabulary
//
// program: what is compared, with the arguments that go before a command. A column of the table is a program, and the first one is no program at all: the
// command executed directly, "bare". A child is the command that the programs are given: a static program of a few hundred bytes, so that next to
// nothing of what is measured is the child's. A measurement is one way to make all columns do the same, and yields figures; a
// figure is a line of the table, with the samples of each column.
//
// # Laws
//
// All columns are measured in one run, by turns: a round takes one sample of each column, in an order drawn anew for each
// round. So whatever else the machine does meanwhile it does to all of them. A figure is the median of its samples.
//
// As in a container, every program leads a session that has no terminal, and is the first process of a PID namespace; but start does without the
// namespace, whose making and end would cost more than the programs.
//
// How much of a difference is noise is seen by measuring a copy of the same binary beside it, with -also.
package main

import (
	"context"
	"iter"
	"math/rand/v2"
	"time"
)

// A program is what is compared.
type program struct {
	name string
	path string
	args []string // before the command
}

// command is the argument vector that has the program run a child; that of no program is the child's own.
func (p program) command(child string) []string {
	if p.path == "" {
		return []string{child}
	}
	return append(append([]string{p.path}, p.args...), child)
}

// The first columns. Those behind are the peers that are installed.
const (
	bare    = 0
	keelson = 1
)

// A measurement makes all columns do the same.
type measurement struct {
	name string
	what string // one line, printed above its figures
	run  func(*bench) ([]figure, error)
}

// measurements are all there are, in the order in which they are made and printed. -run takes their names, or their letters: a is the first.
var measurements = []measurement{
	{"start", "from before the fork until the command, which ends at once, and the program with it have been reaped", start},
	{"memory", "the program as PID 1 waiting for its command, by /proc/PID/smaps_rollup; libraries that other processes use too count less", memory},
	{"orphans", "processor time of PID 1 for reaping double-forked orphans", orphans},
	{"signals", "from kill(2) to the program until the command has taken the signal; bare: kill(2) to the command", signals},
	{"idle", "the program as PID 1 waiting for its command, all of them in the same seconds", idle},
	{"size", "what has to be there for the program to run", size},
}

// A figure is one line of the table.
type figure struct {
	name    string
	samples [][]float64 // of each column; none where there is nothing to measure
}

// An effort is how much is measured.
type effort struct {
	starts    int // rounds
	looks     int // rounds of looking at the memory of one instance
	instances int // of each program at the same time
	reapers   int // sets of programs that reap orphans, one after the other
	turns     int // rounds with one set
	orphans   int // of one turn, made at full speed
	singles   int // of one turn, made one by one
	sets      int // of programs that are sent signals, one after the other
	signals   int // rounds with one set
	idle      time.Duration
}

var (
	full  = effort{starts: 1500, looks: 7, instances: 20, reapers: 5, turns: 10, orphans: 2000, singles: 150, sets: 100, signals: 20, idle: 5 * time.Second}
	quick = effort{starts: 300, looks: 3, instances: 20, reapers: 2, turns: 5, orphans: 1000, singles: 50, sets: 20, signals: 20, idle: 2 * time.Second}
)

type bench struct {
	effort
	ctx      context.Context // done when the run is to be given up
	programs []program       // by column
	children children
	rng      *rand.Rand
}

// wrappers are the columns that have a program.
func (b *bench) wrappers() []int {
	columns := make([]int, 0, len(b.programs))
	for c, p := range b.programs {
		if p.path != "" {
			columns = append(columns, c)
		}
	}
	return columns
}

func (b *bench) all() []int { return append([]int{bare}, b.wrappers()...) }

// rounds yields n times each of the columns, as round and column, in an order drawn anew for each round.
func (b *bench) rounds(n int, columns []int) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for round := range n {
			for _, i := range b.rng.Perm(len(columns)) {
				if b.ctx.Err() != nil || !yield(round, columns[i]) {
					return
				}
			}
		}
	}
}

// figure makes an empty one.
func (b *bench) figure(name string) figure {
	return figure{name, make([][]float64, len(b.programs))}
}

func (f figure) add(column int, sample float64) {
	f.samples[column] = append(f.samples[column], sample)
}
