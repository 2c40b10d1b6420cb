// Command managers compares keelson's manager with s6, runit, supervisord and systemd, as Debian packages them: each as PID 1 of a container of one image, with
// the same number of services, which are all "sleep infinity". It prints a table of figures, and judges nothing: its exit status is 0 unless something
// could not be measured. A manager that does not come up here is left out, and why is printed.
//
//	go run ./test/bench/managers [-quick] [-only NAME,...] [-seed N]
//
// # What is measured
//
// boot: from when PID 1 executes the manager until the last service runs its program. A shell stands there before and waits for the word, so that what Docker
// does is not part of it.
//
// processor time: of all that ran in the container until then. What the services themselves take is the same in all columns.
//
// PSS, processes: of all processes that are no service; s6 and runit have one for each service, systemd has its journal. Settled: some seconds
// after the boot, when the manager has said that it is over.
//
// idle: the context switches of the same processes while nothing happens.
//
// stop: from the signal until PID 1 has ended.
//
// Then services write lines, which keelson's journal, systemd's and s6-log keep in memory. The processor time is that of all processes that are no service, from
// the first line on; lines kept are counted with systemd's journalctl, whoever wrote the journal.
//
// All columns are measured in one run, by turns, in an order drawn anew for each round; a figure is the median of its rounds.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keelson/test/bench/figures"
)

//go:embed Dockerfile
var dockerfile string

const image = "keelson-bench:managers"

// A size is a number of services, and how often it is measured.
type size struct{ services, rounds int }

var (
	full  = []size{{10, 3}, {100, 3}, {1000, 1}}
	quick = []size{{10, 1}, {100, 1}}
)

const (
	settle = 3 * time.Second
	idle   = 5 * time.Second
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "managers:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("managers", flag.ExitOnError)
	var (
		short  = flags.Bool("quick", false, "measure less")
		only   = flags.String("only", "", "the `names` of the managers to measure, separated by commas, or logs; without it, all")
		seed   = flags.Uint64("seed", uint64(time.Now().UnixNano()), "draw the order of the rounds from this `number`")
		binary = flags.String("keelson", "bin/keelson", "the `file` that is keelson")
	)
	if len(args) == 2 && args[0] == "talk" {
		return talk(args[1])
	}
	flags.Parse(args)
	if os.Geteuid() != 0 {
		return errors.New("other processes' memory is looked at, which takes root")
	}
	if text, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			return fmt.Errorf("there is no Docker engine to talk to: %s", text)
		}
		fmt.Fprintln(out, "managers are not compared: there is no Docker engine to talk to")
		return nil
	}
	if text, err := exec.Command("test/base-image").CombinedOutput(); err != nil {
		return fmt.Errorf("test/base-image: %w\n%s", err, text)
	}
	build := exec.Command("docker", "build", "--network", "host", "-q", "-t", image, "-")
	build.Stdin = strings.NewReader(dockerfile)
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("docker build: %w\n%s", err, text)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()

	columns := chosen(*only)
	if len(columns) == 0 && *only != "logs" {
		return fmt.Errorf("no manager is called %s", *only)
	}
	sizes := full
	switch {
	case *only == "logs":
		sizes = nil
	case *short:
		sizes = quick
	}
	rng := rand.New(rand.NewPCG(*seed, 0))
	fmt.Fprintf(out, "\nmanagers of services, seed %d\n", *seed)
	if *only != "logs" {
		header(out, columns)
	}
	for _, s := range sizes {
		rows := newRows()
		for round := range s.rounds {
			for _, i := range rng.Perm(len(columns)) {
				c := columns[i]
				if c < 0 {
					continue
				}
				found, err := measure(ctx, *binary, managers[c], s.services, round == 0)
				if ctx.Err() != nil {
					return errors.New("interrupted")
				}
				if err != nil && c == keelson {
					return err
				}
				if err != nil {
					fmt.Fprintf(out, "%s is left out: %v\n", managers[c].name, err)
					columns[i] = -1
					continue
				}
				rows.add(c, found)
			}
		}
		rows.print(out, s, columns)
	}
	if *only != "" && *only != "logs" {
		return nil
	}
	if *short {
		return journal(ctx, out, *binary, rng.Perm, 1, 1000)
	}
	return journal(ctx, out, *binary, rng.Perm, 3, 4000)
}

func chosen(only string) (columns []int) {
	for c, m := range managers {
		if only == "" || strings.Contains(","+only+",", ","+m.name+",") {
			columns = append(columns, c)
		}
	}
	return columns
}

// A row is one line of the table, and how its figure is got.
type row struct {
	name    string
	of      func(sample) float64
	samples [][]float64 // by manager
}

type rows []*row

func newRows() rows {
	micro := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	all := rows{
		{name: "boot, ms", of: func(s sample) float64 { return micro(s.boot) / 1000 }},
		{name: "processor time of the boot, ms", of: func(s sample) float64 { return micro(s.bootTime) / 1000 }},
		{name: "PSS, KiB", of: func(s sample) float64 { return s.pss }},
		{name: "processes beside the services", of: func(s sample) float64 { return float64(s.processes) }},
		{name: fmt.Sprintf("context switches in %v", idle), of: func(s sample) float64 { return s.switches }},
		{name: fmt.Sprintf("processor time in %v, ms", idle), of: func(s sample) float64 { return micro(s.idleTime) / 1000 }},
		{name: "stop, ms", of: func(s sample) float64 { return micro(s.stop) / 1000 }},
	}
	for _, r := range all {
		r.samples = make([][]float64, len(managers))
	}
	return all
}

func (all rows) add(column int, s sample) {
	for _, r := range all {
		if v := r.of(s); v >= 0 {
			r.samples[column] = append(r.samples[column], v)
		}
	}
}

const format = "%-34s"

func header(out io.Writer, columns []int) {
	fmt.Fprintf(out, format, "medians; ÷ keelson")
	for _, c := range columns {
		fmt.Fprintf(out, "%13s", managers[c].name)
	}
	fmt.Fprintln(out)
}

func (all rows) print(out io.Writer, s size, columns []int) {
	fmt.Fprintf(out, "\n%d services, rounds %d\n", s.services, s.rounds)
	for _, r := range all {
		values, ratios := fmt.Sprintf(format, "  "+r.name), fmt.Sprintf(format, "")
		for _, c := range columns {
			value, ratio := "-", "-"
			if c >= 0 && len(r.samples[c]) > 0 {
				value = figures.Number(figures.Quantile(r.samples[c], 0.5))
				ratio = figures.Ratio(r.samples[c], r.samples[keelson])
			}
			values += fmt.Sprintf("%13s", value)
			ratios += fmt.Sprintf("%13s", ratio)
		}
		fmt.Fprintf(out, "%s\n%s\n", values, ratios)
	}
}
