// Command count runs go test -json, shows what failed and was skipped and why, and ends with one line: N passed, N failed, N skipped. Its
// exit status is 1 if anything failed, or if nothing was run at all.
//
//	count go test -json ./...
//
// Signals that were ignored when it was started get their default again: make leaves the C library's own (32, 33) ignored in what it starts
// (posix_spawn(3)), nohup HUP, a shell's background INT and QUIT; and tests of signals are about what starts with none.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
	ImportPath                    string
}

func main() {
	output := map[string][]string{}
	parents := map[string]bool{} // tests with subtests: these are counted, not the whole
	var passed, failed, skipped []string
	slow := map[string]float64{}
	if err := defaultSignals(); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: count COMMAND [ARG...], a command that prints what go test -json does")
		os.Exit(2)
	}
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
	in := bufio.NewScanner(pipe)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil {
			fmt.Println(in.Text()) // what the go command itself says
			continue
		}
		name := strings.TrimPrefix(e.Package, "keelson/") + " " + e.Test
		if i := strings.LastIndex(name, "/"); e.Test != "" && i > strings.Index(name, " ") {
			parents[name[:i]] = true
		}
		switch e.Action {
		case "output", "build-output":
			if e.ImportPath != "" {
				fmt.Print(e.Output)
			}
			output[name] = append(output[name], e.Output)
		case "pass":
			if e.Test != "" {
				passed = append(passed, name)
				slow[name] = e.Elapsed
			} else {
				fmt.Printf("ok   %-32s %6.1f s\n", name, e.Elapsed)
			}
		case "fail":
			fmt.Printf("FAIL %-32s %6.1f s\n%s", name, e.Elapsed, strings.Join(output[name], ""))
			failed = append(failed, name)
		case "skip":
			if e.Test != "" {
				fmt.Printf("skip %s\n%s", name, strings.Join(output[name], ""))
				skipped = append(skipped, name)
			}
		}
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
	leaf := func(names []string) int {
		n := 0
		for _, name := range names {
			if !parents[name] {
				n++
			}
		}
		return n
	}
	slices.SortFunc(passed, func(a, b string) int { return int(1000 * (slow[b] - slow[a])) })
	for _, name := range passed[:min(5, len(passed))] {
		if slow[name] > 5 {
			fmt.Printf("slow %-60s %6.1f s\n", name, slow[name])
		}
	}
	err = cmd.Wait()
	fmt.Printf("%d passed, %d failed, %d skipped\n", leaf(passed), len(failed), leaf(skipped))
	if err != nil || len(failed) > 0 || len(passed) == 0 {
		os.Exit(1)
	}
}

// defaultSignals acts on what is ignored alone: what the runtime handles is at its default in a child anyway.
func defaultSignals() error {
	for sig := uintptr(1); sig <= 64; sig++ {
		var action [4]uint64 // the kernel's struct sigaction, the handler first
		if _, _, e := unix.Syscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&action)), 8, 0, 0); e != 0 {
			return os.NewSyscallError("rt_sigaction", e)
		}
		const ignored = 1 // SIG_IGN
		if action[0] != ignored {
			continue
		}
		action[0] = 0
		if _, _, e := unix.Syscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0); e != 0 {
			return os.NewSyscallError("rt_sigaction", e)
		}
	}
	return nil
}
