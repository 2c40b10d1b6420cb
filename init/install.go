package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"keelson/init/early"
)

const installHelp = `keelson install [--uninstall] [--root DIR]

Makes keelson what an image without systemd lacks: /sbin/init, systemctl, journalctl and their kin, as symbolic links to keelson. For a Dockerfile:

  COPY --from=keelson /keelson /sbin/keelson
  RUN ["/sbin/keelson", "install"]
  ENTRYPOINT ["/sbin/init"]

A program that is there stays. Packages that bring their own later replace the links, and work with keelson all the same; /sbin/init alone is kept
from them (dpkg-divert), where the image has dpkg.

  --uninstall   remove the links, and give /sbin/init back
  --root DIR    in the tree below DIR
`

// A link is one that install makes. Every applet has one, where its program is on Debian and Fedora alike.
type link struct{ dir, name string }

// links are for all of early.Applets but the manager's own names.
func links() []link {
	var list []link
	for _, a := range early.Applets {
		switch a.Name {
		case "init", "systemd":
		case "halt", "poweroff", "reboot", "runlevel", "shutdown", "telinit", "service":
			list = append(list, link{"/usr/sbin", a.Name})
		default:
			list = append(list, link{"/usr/bin", a.Name})
		}
	}
	return list
}

const (
	initPath = "/sbin/init"
	divertTo = "/sbin/init.distrib"
)

func install(args []string) int {
	flags := flag.NewFlagSet("install", flag.ContinueOnError)
	undo := flags.Bool("uninstall", false, "")
	root := flags.String("root", "/", "")
	if status, done := parse(flags, args, installHelp); done {
		return status
	}
	if flags.NArg() > 0 {
		return refuse("install", fmt.Errorf("unexpected argument %q; keelson install --help lists the options", flags.Arg(0)))
	}
	self, err := installedAs(*root)
	if err != nil {
		return refuse("install", err)
	}
	i := installation{root: *root, self: self}
	if *undo {
		err = i.undo()
	} else {
		err = i.do()
	}
	if err != nil {
		return refuse("install", err)
	}
	return 0
}

// installedAs is the path by which the tree knows this binary.
func installedAs(root string) (string, error) {
	if root != "/" {
		for _, p := range []string{"/sbin/keelson", "/usr/sbin/keelson", "/usr/local/sbin/keelson", "/usr/bin/keelson", "/usr/local/bin/keelson"} {
			if _, err := os.Stat(filepath.Join(root, p)); err == nil {
				return p, nil
			}
		}
		return "", fmt.Errorf("there is no /sbin/keelson in %s: copy the binary there first", root)
	}
	if self, err := os.Executable(); err == nil {
		return self, nil
	}
	self := early.ExecFile()
	if !filepath.IsAbs(self) {
		return "", errors.New("cannot tell where this binary is: call it by its whole path")
	}
	return self, nil
}

type installation struct{ root, self string }

func (i installation) at(path string) string { return filepath.Join(i.root, path) }

// ours tells whether a path is a link to this binary.
func (i installation) ours(path string) bool {
	to, err := os.Readlink(i.at(path))
	return err == nil && to == i.self
}

func (i installation) do() error {
	if err := i.takeInit(); err != nil {
		return err
	}
	for _, l := range links() {
		path := filepath.Join(l.dir, l.name)
		if i.lacks(l.name) {
			if err := i.link(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// lacks tells whether the tree has no program of that name.
func (i installation) lacks(name string) bool {
	for _, dir := range []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if _, err := os.Lstat(i.at(filepath.Join(dir, name))); err == nil {
			return false
		}
	}
	return true
}

func (i installation) link(path string) error {
	if err := os.MkdirAll(i.at(filepath.Dir(path)), 0o755); err != nil {
		return err
	}
	if err := os.Symlink(i.self, i.at(path)); err != nil {
		return err
	}
	fmt.Printf("%s -> %s\n", path, i.self)
	return nil
}

// takeInit makes /sbin/init this binary. One that is there is kept beside it, and dpkg is told to put every other there, too.
func (i installation) takeInit() error {
	if i.ours(initPath) {
		return nil
	}
	if err := i.divert("--add"); err != nil {
		return err
	}
	if _, err := os.Lstat(i.at(initPath)); err == nil {
		if err := os.Rename(i.at(initPath), i.at(divertTo)); err != nil {
			return err
		}
	}
	return i.link(initPath)
}

// divert has dpkg put a package's /sbin/init elsewhere, or no longer. It does nothing without dpkg.
func (i installation) divert(what string) error {
	program, err := exec.LookPath("dpkg-divert")
	if err != nil {
		return nil
	}
	if _, err := os.Stat(i.at("/var/lib/dpkg")); err != nil {
		return nil
	}
	arguments := []string{"--local", "--quiet", "--no-rename", "--divert", divertTo, what, initPath}
	if i.root != "/" {
		arguments = append([]string{"--root", i.root}, arguments...)
	}
	if out, err := exec.Command(program, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %v: %s", program, err, out)
	}
	return nil
}

func (i installation) undo() error {
	for _, l := range links() {
		if path := filepath.Join(l.dir, l.name); i.ours(path) {
			if err := os.Remove(i.at(path)); err != nil {
				return err
			}
			fmt.Printf("removed %s\n", path)
		}
	}
	if !i.ours(initPath) {
		return nil
	}
	if err := os.Remove(i.at(initPath)); err != nil {
		return err
	}
	fmt.Printf("removed %s\n", initPath)
	if err := i.divert("--remove"); err != nil {
		return err
	}
	if _, err := os.Lstat(i.at(divertTo)); err == nil {
		return os.Rename(i.at(divertTo), i.at(initPath))
	}
	return nil
}
