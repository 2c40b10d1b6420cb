package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	// What the kernel ties to the forking thread, such as the parent death signal of a program, is tied to this one.
	runtime.LockOSThread()
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	var (
		short  = flags.Bool("quick", false, "measure less, in under 25 seconds")
		only   = flags.String("run", "", "the `names` or letters of the measurements to make, separated by commas; without it, all")
		seed   = flags.Uint64("seed", uint64(time.Now().UnixNano()), "draw the order of the rounds from this `number`")
		binary = flags.String("keelson", "bin/keelson", "the `file` that is keelson")
		also   []program // builds of keelson beside that
	)
	flags.Func("also", "another build of keelson, a `file`, to be measured as one more column; repeatable", func(file string) error {
		also = append(also, program{filepath.Base(file), file, []string{"--"}})
		return nil
	})
	flags.Parse(args)
	if flags.NArg() > 0 {
		return fmt.Errorf("what is %q? bench -help lists the options", flags.Arg(0))
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("PID namespaces are made for the programs, which takes root")
	}

	b := &bench{effort: full, rng: rand.New(rand.NewPCG(*seed, 0))}
	if *short {
		b.effort = quick
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	b.ctx = ctx
	if b.programs, err = find(append([]program{{"keelson", *binary, []string{"--"}}}, also...), peers, out); err != nil {
		return err
	}
	if err := b.children.write(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.children.remove()) }()

	fmt.Fprintf(out, "%s, seed %d\n", machine(), *seed)
	for _, p := range b.programs[keelson:] {
		fmt.Fprintf(out, "%-12s %s (%s)\n", p.name, p.path, p.version())
	}
	t := newTable(out, b.programs)
	debug.SetGCPercent(-1) // no collection within a measurement
	for i, m := range measurements {
		if !chosen[i] {
			continue
		}
		runtime.GC()
		began := time.Now()
		figures, err := m.run(b)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		if err != nil {
			return fmt.Errorf("cannot measure %s: %w", m.name, err)
		}
		t.print(letter(i), m, figures, time.Since(began))
	}
	return nil
}

func letter(i int) string { return string(rune('a' + i)) }

// choose tells which of the measurements a list of names and letters means, all if it is empty.
func choose(list string) ([]bool, error) {
	chosen := make([]bool, len(measurements))
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		i := slices.IndexFunc(measurements, func(m measurement) bool { return m.name == word })
		for j := range measurements {
			if letter(j) == word {
				i = j
			}
		}
		if i < 0 {
			var names []string
			for j, m := range measurements {
				names = append(names, letter(j)+" "+m.name)
			}
			return nil, fmt.Errorf("no measurement %q; there are %s", word, strings.Join(names, ", "))
		}
		chosen[i] = true
	}
	if !slices.Contains(chosen, true) {
		for i := range chosen {
			chosen[i] = true
		}
	}
	return chosen, nil
}

// machine is what the figures depend on: kernel, processors, and what else they are doing.
func machine() string {
	var kernel unix.Utsname
	unix.Uname(&kernel)
	average, _ := os.ReadFile("/proc/loadavg")
	load, _, _ := strings.Cut(string(average), " ")
	return fmt.Sprintf("Linux %s %s, %d processors, load %s", unix.ByteSliceToString(kernel.Release[:]), runtime.GOARCH, runtime.NumCPU(), load)
}
