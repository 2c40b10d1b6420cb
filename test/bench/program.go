package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// peers are the programs that keelson stands in for. tini says at length that it is not PID 1 unless -s makes it a subreaper, as keelson and catatonit
// make themselves; dumb-init has no such thing.
var peers = []program{
	{"tini", "/usr/bin/tini", []string{"-s", "--"}},
	{"tini-static", "/usr/bin/tini-static", []string{"-s", "--"}},
	{"dumb-init", "/usr/bin/dumb-init", []string{"--"}},
	{"catatonit", "/usr/bin/catatonit", []string{"--"}},
}

// find returns the columns: bare, keelson's own, the peers. A peer that is missing is named and left out, but with CI=true, where everything has to be
// there, it is an error.
func find(own, peers []program, out io.Writer) ([]program, error) {
	columns := []program{{name: "bare"}}
	for _, p := range own {
		file, err := filepath.Abs(p.path)
		if err == nil {
			_, err = os.Stat(file)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: make build makes it", err)
		}
		columns = append(columns, program{p.name, file, p.args})
	}
	for _, p := range peers {
		switch _, err := os.Stat(p.path); {
		case err == nil:
			columns = append(columns, p)
		case !errors.Is(err, fs.ErrNotExist) || os.Getenv("CI") == "true":
			return nil, fmt.Errorf("%s cannot be measured: %w; test/setup bench installs it", p.name, err)
		default:
			fmt.Fprintf(out, "%s is left out: %v; test/setup bench installs it\n", p.name, err)
		}
	}
	return columns, nil
}

// version is the first line that the program prints about itself, on whichever stream.
func (p program) version() string {
	out, err := exec.Command(p.path, "--version").CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	if err != nil {
		return err.Error()
	}
	return line
}
