package spawn

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/init/spawn/filter"
	"keelson/supervise"
	"keelson/supervise/unit"
)

func host() unit.Host {
	h := unit.DefaultHost()
	h.Architecture = "x86-64"
	return h
}

// load reads a service.
func load(t testing.TB, name, text string) *unit.Unit {
	t.Helper()
	var tree unit.Tree
	tree.AddFile("/etc/systemd/system/"+name, text)
	l := unit.NewLoader(&tree, host())
	l.Scan()
	u, diagnostics := l.Load(name)
	for _, d := range diagnostics {
		t.Log(d)
	}
	if u.LoadState != unit.Loaded {
		t.Fatal(u.LoadError)
	}
	return u
}

// spawnOf is the machine's wish to run the first ExecStart= of a service with these lines.
func spawnOf(t testing.TB, lines string) *supervise.Spawn {
	t.Helper()
	u := load(t, "a.service", "[Service]\nType=oneshot\n"+lines+"\n")
	return &supervise.Spawn{
		Unit: u.Name, Stamp: 7, Command: 1, Kind: unit.ExecStart, Line: u.Service.Commands[unit.ExecStart][0], Exec: u.Exec, Cgroup: u.Cgroup,
		Invocation: strings.Repeat("ab", 16), TTYStdin: true,
		Environment: []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"}, Own: []string{"INVOCATION_ID=" + strings.Repeat("ab", 16)},
		OpenFiles: u.Service.OpenFiles,
	}
}

var update = flag.Bool("update", false, "write testdata/directives anew")

// machines are places to compile for.
var machines = map[string]Machine{
	// An ordinary docker run: 14 capabilities, no namespaces.
	"container": {
		Sets:   Sets{Effective: 0xa80425fb, Permitted: 0xa80425fb, Bounding: 0xa80425fb},
		Limits: limitsOf(unit.LimitNOFILE, 1048576), Initial: true, Proc: true, NrOpen: 1 << 20, LastCap: 40, Keyrings: false,
		Filters: filter.Kernel{Arch: "amd64", Seccomp: true, Log: true, KillProcess: true}, Term: "xterm", RootShell: "/bin/bash",
	},
	// All capabilities, but for this test no mount namespaces, whose plan would be that of the test's own mounts.
	"full": {
		Sets:   Sets{Effective: 1<<41 - 1, Permitted: 1<<41 - 1, Bounding: 1<<41 - 1},
		Limits: limitsOf(unit.LimitNOFILE, 4096), Initial: true, Proc: true, NrOpen: 1 << 20, LastCap: 40, Keyrings: true, Pivot: true, IntoCgroup: true,
		Filters: filter.Kernel{Arch: "amd64", Seccomp: true, Log: true, KillProcess: true}, RootShell: "/bin/bash", AppArmor: "/proc/self/attr/exec",
	},
	// docker run --user 1000, without a /proc.
	"user": {
		UID: 1000, GID: 1000, Groups: []int{1000},
		Limits: limitsOf(unit.LimitNOFILE, 1048576), Initial: true, NrOpen: 1 << 20, LastCap: 40,
		Filters: filter.Kernel{Arch: "amd64", Seccomp: true, Log: true, KillProcess: true}, Home: "/home/alice", RootShell: "/bin/sh",
	},
}

// limitsOf are no limits but one.
func limitsOf(k unit.RlimitKind, v uint64) (l [unit.RlimitKinds]unit.Rlimit) {
	for i := range l {
		l[i] = unit.Rlimit{Soft: unit.RlimitInfinity, Hard: unit.RlimitInfinity}
	}
	l[k] = unit.Rlimit{Soft: v, Hard: v}
	l[unit.LimitNICE] = unit.Rlimit{}
	return l
}

// compilerOn is a compiler for a machine that is not this one.
func compilerOn(t testing.TB, machine, root string, strict bool) *Compiler {
	h := host()
	h.RuntimeRoot, h.StateRoot, h.CacheRoot, h.LogsRoot, h.ConfigurationRoot = root+"/run", root+"/lib", root+"/cache", root+"/log", root+"/etc"
	c := NewCompiler(Options{Host: h, Strict: strict})
	c.Machine = machines[machine]
	c.Machine.DynamicUsers = root + "/dynamic"
	c.accounts = newAccounts("testdata/etc")
	for _, flag := range []uint64{unix.CLONE_NEWNS, unix.CLONE_NEWNET, unix.CLONE_NEWIPC, unix.CLONE_NEWUTS, unix.CLONE_NEWUSER} {
		c.allowed[flag] = unix.EPERM
		if machine == "full" && flag&(unix.CLONE_NEWUTS|unix.CLONE_NEWUSER) != 0 {
			c.allowed[flag] = nil
		}
	}
	t.Cleanup(func() { unix.Close(c.null) })
	return c
}

// lines is a program in words: calls without their numbers, what is lost, the environment.
func (p *Program) lines(e *supervise.Spawn) []string {
	var list []string
	for _, c := range p.List {
		s := c.String()
		if c.cause != nil {
			s += fmt.Sprintf(" exit %d: %v", c.Exit, c.cause)
		}
		list = append(list, s)
		if c.Nr == unix.SYS_EXECVE {
			for _, p := range c.Args[2].data.points {
				if v := strings.TrimRight(string(p.to.bytes), "\x00"); !slices.Contains(e.Environment, v) && !slices.Contains(e.Own, v) {
					list = append(list, "  "+v)
				}
			}
		}
	}
	for _, d := range p.Degraded {
		list = append(list, "degraded "+d.String())
	}
	return list
}

// difference is what b has and a does not, then what a has and b does not.
func difference(a, b []string) []string {
	less := func(a, b []string) []string {
		rest := slices.Clone(b)
		var list []string
		for _, s := range a {
			if i := slices.Index(rest, s); i >= 0 {
				rest = slices.Delete(rest, i, i+1)
			} else {
				list = append(list, s)
			}
		}
		return list
	}
	list := less(b, a)
	for _, s := range less(a, b) {
		list = append(list, "- "+s)
	}
	return list
}

// TestDirectives compiles each paragraph of testdata/directives for a machine, and compares what the directives add to a plain list, and take from it, with
// what is written there. Results of calls have lost their numbers.
func TestDirectives(t *testing.T) {
	files, err := filepath.Glob("testdata/directives/*.txt")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	number := regexp.MustCompile(`(#|/\*) ?\d+`)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			for i, paragraph := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
				if i > 0 {
					out.WriteByte('\n')
				}
				head, _, _ := strings.Cut(paragraph, "\n--")
				lines := strings.Split(head, "\n")
				machine, strict := strings.CutSuffix(strings.TrimPrefix(lines[0], "== "), " strict")
				root := t.TempDir()
				for _, dir := range []string{"run", "lib", "cache", "log", "etc"} {
					if err := os.Mkdir(root+"/"+dir, 0o755); err != nil {
						t.Fatal(err)
					}
				}
				compile := func(lines []string) []string {
					text := strings.Join(lines, "\n")
					if !strings.Contains(text, "ExecStart=") {
						text = "ExecStart=/bin/true\n" + text
					}
					e := spawnOf(t, text)
					p, err := compilerOn(t, machine, root, strict).Compile(e, NewGiven())
					if err != nil {
						return []string{"no process: " + err.Error()}
					}
					if _, err := Encode(p.List); err != nil {
						t.Error(err)
					}
					list := p.lines(e)
					for i := range list {
						list[i] = strings.ReplaceAll(number.ReplaceAllString(list[i], "$1"), root, "")
					}
					return list
				}
				fmt.Fprintf(&out, "%s\n--\n", head)
				got := compile(lines[1:])
				ends := slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, "fail(") || strings.HasPrefix(l, "no process") })
				for _, l := range difference(compile(nil), got) {
					if !ends || !strings.HasPrefix(l, "- ") {
						fmt.Fprintln(&out, l)
					}
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			got, want := strings.Split(out.String(), "\n"), strings.Split(string(text), "\n")
			for _, l := range difference(want, got) {
				t.Errorf("%s", l)
			}
			if !t.Failed() && out.String() != string(text) {
				t.Error("the order is another")
			}
		})
	}
}
