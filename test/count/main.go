// Command count reads go test -json, shows what failed and was skipped and why, and ends with one line: N passed, N failed, N skipped. Its
// exit status is 1 if anything failed, or if nothing was run at all.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
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
	in := bufio.NewScanner(os.Stdin)
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
	fmt.Printf("%d passed, %d failed, %d skipped\n", leaf(passed), len(failed), leaf(skipped))
	if len(failed) > 0 || len(passed) == 0 {
		os.Exit(1)
	}
}
