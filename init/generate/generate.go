// Package generate runs unit generators: programs of packages that write unit files and links for what is configured elsewhere, as postgresql-common and
// postfix do for their instances (systemd.generator(7)).
//
// A generator is called with three folders, for units before, between and behind those of /etc and /usr. They are emptied before. Generators run at the
// same time, and what they print on standard error is theirs to say.
package generate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// folders are where generators are looked for: of two with the same name the first counts, and an empty one or a link to /dev/null is a mask
// (systemd.generator(7), "Generator Directories").
var folders = []string{
	"/run/systemd/system-generators", "/etc/systemd/system-generators", "/usr/local/lib/systemd/system-generators", "/usr/lib/systemd/system-generators", "/lib/systemd/system-generators",
}

// targets are the folders that generators write to.
var targets = [...]string{"generator", "generator.early", "generator.late"}

// limit is how long generators may take (DEFAULT_TIMEOUT in src/basic/def.h).
const limit = 90 * time.Second

// Options say for whom to generate.
type Options struct {
	Run            string // /run
	Environ        []string
	Architecture   string // as systemd names it
	Virtualization string
	Stderr         *os.File
}

// find lists the generators that are to run, in the order of their names. systemd's own are not among them: they are about hardware, mounts, consoles and
// kernel command lines, and init scripts are read without.
func find() []string {
	seen := map[string]string{}
	for _, dir := range folders {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			name := e.Name()
			if _, ok := seen[name]; ok || strings.HasPrefix(name, "systemd-") {
				continue
			}
			path := filepath.Join(dir, name)
			st, err := os.Stat(path)
			if err != nil {
				continue
			}
			seen[name] = ""
			if st.Mode().IsRegular() && st.Mode()&0o111 != 0 && st.Size() > 0 {
				seen[name] = path
			}
		}
	}
	var names []string
	for name, path := range seen {
		if path != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = seen[name]
	}
	return names
}

// Wanted tells whether there is anything to run.
func Wanted() bool { return len(find()) > 0 }

// Run runs all generators and waits for them. The error names those that failed, a line each; what the others have written counts.
func Run(o Options) error {
	var dirs []string
	for _, t := range targets {
		dir := filepath.Join(o.Run, "systemd", t)
		if err := empty(dir); err != nil {
			return err
		}
		dirs = append(dirs, dir)
	}
	env := append(slices.Clone(o.Environ), "SYSTEMD_SCOPE=system", "SYSTEMD_IN_INITRD=0", "SYSTEMD_ARCHITECTURE="+o.Architecture)
	if o.Virtualization != "" {
		env = append(env, "SYSTEMD_VIRTUALIZATION=container:"+o.Virtualization)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	list := find()
	failures := make([]error, len(list))
	var all sync.WaitGroup
	for i, path := range list {
		all.Go(func() {
			cmd := exec.CommandContext(ctx, path, dirs...)
			cmd.Env, cmd.Dir, cmd.Stderr = env, "/", o.Stderr
			cmd.WaitDelay = time.Second // what it leaves behind may hold its output open
			if err := cmd.Run(); err != nil {
				failures[i] = fmt.Errorf("%s failed: %w", path, err)
			}
		})
	}
	all.Wait()
	for _, dir := range dirs {
		os.Remove(dir) // if nothing was written
	}
	return errors.Join(failures...)
}

// empty makes a folder that has nothing in it.
func empty(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.MkdirAll(dir, 0o755)
}
