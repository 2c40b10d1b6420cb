package systemctl_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what systemctl prints into testdata, to be read before it is believed")

// A transcript is a list of command lines with what comes of them:
//
//	$ [VARIABLE=VALUE…] ARGUMENT…
//	what is printed, with \e for escape characters HOST for the host's name and DIR for the directory
//	! what is said on the standard error
//	> the methods that were called, but those that only ask about a unit
//	? the exit status, if it is not 0
func TestTranscripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var all strings.Builder
			head, rest, _ := strings.Cut(string(b), "\n$ ")
			all.WriteString(head + "\n")
			for _, entry := range strings.Split(strings.TrimSuffix(rest, "\n"), "\n$ ") {
				line, want, _ := strings.Cut(entry, "\n")
				got := transcribe(t, line)
				all.WriteString("$ " + line + "\n" + got)
				if want != "" {
					want += "\n"
				}
				if got != want && !*update {
					t.Errorf("$ %s\n%s\nwant\n%s", line, got, want)
				}
			}
			if *update {
				if err := os.WriteFile(path, []byte(all.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// transcribe runs a command line in a world of its own.
func transcribe(t *testing.T, line string) string {
	w := newWorld(t)
	w.file("/proc/4194999/comm", "web\n")
	words := strings.Fields(line)
	for len(words) > 0 && words[0][0] != '-' && strings.Contains(words[0], "=") {
		w.env = append(w.env, words[0])
		words = words[1:]
	}
	for i := range words {
		words[i] = strings.NewReplacer("␣", " ", `''`, "").Replace(words[i])
	}
	stdout, stderr, status := w.run(words...)
	host, err := os.Hostname()
	dir, err2 := os.Getwd()
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer(dir, "DIR", "\x1B", `\e`, "file://"+host+"/", "file://HOST/", "● "+host+" ", "● HOST ", "● "+host+"\n", "● HOST\n")
	var b strings.Builder
	b.WriteString(plain.Replace(stdout))
	for l := range strings.Lines(plain.Replace(stderr)) {
		b.WriteString("! " + l)
	}
	for _, c := range w.Calls() {
		switch {
		case strings.HasPrefix(c.Interface, "org.freedesktop.DBus.") && c.Member != "Set":
		case c.Member == "Subscribe" || c.Member == "GetUnit" || c.Member == "GetUnitProcesses" || c.Member == "SetWallMessage":
		default:
			var words []string
			for _, a := range c.Args {
				words = append(words, fmt.Sprintf("%v", a))
			}
			b.WriteString("> " + c.Member + "(" + plain.Replace(strings.Join(words, ", ")) + ")\n")
		}
	}
	if status != 0 {
		fmt.Fprintf(&b, "? %d\n", status)
	}
	return b.String()
}
