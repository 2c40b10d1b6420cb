package spawn

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
	"keelson/supervise"
)

// TestStamp: a process wears its unit's number from before its program on.
func TestStamp(t *testing.T) {
	p := newPlace(t)
	o := p.start("ExecStart=$SUBJECT run limit=10", func(_ *supervise.Spawn, g *Given) { g.Stamp = 4711 })
	if o.out != "limit=10 4711:4711\n" {
		t.Errorf("%q, %v", o.out, o.failed)
	}
	e := p.spawn("ExecStart=/bin/true; LimitLOCKS=5")
	g := NewGiven()
	g.Stamp = 4711
	if program, err := p.c.Compile(e, g); err != nil || program.Stamped {
		t.Errorf("LimitLOCKS= is the unit's own: stamped, %v", err)
	}
}

// TestCgroup enters one by its folder, the old way and with clone3(2).
func TestCgroup(t *testing.T) {
	p := newPlace(t)
	dir := t.TempDir()
	procs := filepath.Join(dir, "cgroup.procs")
	if err := os.WriteFile(procs, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	p.c.Machine.IntoCgroup = false
	o := p.start("ExecStart=$SUBJECT run fds", func(_ *supervise.Spawn, g *Given) { g.Cgroup = fd })
	if text, err := os.ReadFile(procs); err != nil || string(text) != "0" || o.out != "fds 0 1 2\n" {
		t.Errorf("%q was written, %v; %q, %v", text, err, o.out, o.failed)
	}
	if err := os.Remove(procs); err != nil {
		t.Fatal(err)
	}
	if o := p.start("ExecStart=/bin/true", func(_ *supervise.Spawn, g *Given) { g.Cgroup = fd }); o.status != 219 || o.failed.Stage() != "CGROUP" {
		t.Errorf("no cgroup: status %d, %v", o.status, o.failed)
	}
	p.c.Machine.IntoCgroup = true
	e := p.spawn("ExecStart=/bin/true")
	g := NewGiven()
	g.Cgroup = fd
	program, err := p.c.Compile(e, g)
	if err != nil {
		t.Fatal(err)
	}
	if child, err := program.Start(); err == nil {
		child.Wait()
		unix.Wait4(child.Pid, nil, 0, nil)
		t.Error("clone3 makes a process in what is no cgroup")
	}
}

// TestDynamic: ids follow from names as systemd's do, are registered, and given back.
func TestDynamic(t *testing.T) {
	for name, want := range map[string]int{"foo": 63016, "bar": 63096, "uwsgi": 64986, "_du0123": 63972} { // systemd 252's
		if got := dynamicID(name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	p := newPlace(t)
	p.c.accounts = newAccounts("testdata/etc")
	id := func(unitName, user string) int {
		t.Helper()
		e := p.spawn("ExecStart=/bin/true; DynamicUser=yes; User=" + user)
		e.Unit = unitName
		program, err := p.c.Compile(e, NewGiven())
		if err != nil {
			t.Fatal(err)
		}
		return program.UID
	}
	first := id("a.service", "foo")
	if first != 63016 {
		t.Errorf("foo is %d", first)
	}
	if again := id("b.service", "foo"); again != first {
		t.Errorf("foo is %d in another unit", again)
	}
	// Somebody has the id that a name comes to.
	if err := os.Symlink("stranger", p.root+"/dynamic/direct:63096"); err != nil {
		t.Fatal(err)
	}
	other := id("c.service", "bar")
	if other == 63096 || !dynamic(other) {
		t.Errorf("bar is %d", other)
	}
	if link, err := os.Readlink(p.root + "/dynamic/direct:bar"); err != nil || link != fmt.Sprint(other) {
		t.Errorf("the register has %q, %v", link, err)
	}
	p.reexecute()
	p.c.Release("a.service")
	if _, err := os.Lstat(p.root + "/dynamic/direct:foo"); err != nil {
		t.Error("foo is forgotten while b.service has it")
	}
	p.c.Release("b.service")
	if _, err := os.Lstat(p.root + "/dynamic/direct:foo"); err == nil {
		t.Error("foo is not forgotten")
	}
}

// reexecute is what a manager does that executes itself anew: all that it knows goes through plain text.
func (p *place) reexecute() {
	p.t.Helper()
	text, err := json.Marshal(p.c.State())
	if err != nil {
		p.t.Fatal(err)
	}
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		p.t.Fatal(err)
	}
	c := *p.c
	c.lives = map[string]*life{}
	c.Restore(&s)
	p.c = &c
}

// TestRelease takes away what a unit's processes shared.
func TestRelease(t *testing.T) {
	p := newPlace(t)
	p.start("ExecStart=/bin/true; SetCredential=x:y", nil)
	dir := p.root + "/run/credentials/a.service"
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	if err := p.c.Release("a.service"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the credentials are still there: %v", err)
	}
	if err := p.c.Release("a.service"); err != nil {
		t.Error("a second time:", err)
	}
}

// TestDenied: what the kernel refuses to the child is reported, and the program runs.
func TestDenied(t *testing.T) {
	p := newPlace(t)
	list := append([]Call{fails(unix.EPERM).mayDeny(Degradation{"Nice=-5", "no"}), fails(unix.ENOSYS).mayDeny(Degradation{"X=", "y"})}, shell("exit 0")...)
	child, err := startIn(p.subject, list, []uintptr{0, 1, 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	sys.Retry(func() error { _, err := unix.Wait4(child.Pid, nil, 0, nil); return err })
	if got := fmt.Sprint(child.Degraded); got != "[Nice=-5: no X=: y]" {
		t.Error(got)
	}
}

// TestNamespaces gives processes views of their own, where that is allowed.
func TestNamespaces(t *testing.T) {
	p := newPlace(t)
	for flag, name := range map[uint64]string{unix.CLONE_NEWNS: "mount", unix.CLONE_NEWNET: "network", unix.CLONE_NEWUSER: "user"} {
		if err := p.c.may(flag); err != nil {
			t.Skipf("%s namespaces are denied here: %v", name, err)
		}
	}
	outside := func(kind string) string {
		link, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		return link
	}
	t.Run("mounts", func(t *testing.T) {
		o := p.start("ExecStart=$SUBJECT run make=$ROOT/ro/x make=$ROOT/rw/x namespace=mnt; ReadOnlyPaths=$ROOT/ro", func(*supervise.Spawn, *Given) {
			os.Mkdir(p.root+"/ro", 0o755)
			os.Mkdir(p.root+"/rw", 0o755)
		})
		lines := strings.Split(o.out, "\n")
		if len(lines) < 3 || !strings.HasSuffix(lines[0], "read-only file system") || !strings.HasSuffix(lines[1], "<nil>") || strings.HasSuffix(lines[2], outside("mnt")) {
			t.Errorf("%v, %v\n%s", o.err, o.failed, o.out)
		}
	})
	t.Run("its own folders", func(t *testing.T) {
		o := p.start("ExecStart=$SUBJECT run make=$ROOT/lib/state/x list=$ROOT/lib stat=$ROOT/lib/state/x; ProtectSystem=strict; StateDirectory=state", nil)
		if !strings.HasPrefix(o.out, "make=$ROOT/lib/state/x <nil>\n") {
			t.Errorf("%v, %v\n%s", o.err, o.failed, o.out)
		}
	})
	t.Run("private tmp", func(t *testing.T) {
		const mark = "/tmp/keelson-private-tmp"
		defer p.c.Release("a.service")
		o := p.start("ExecStart=$SUBJECT run list=/tmp make="+mark+" stat="+mark+"; PrivateTmp=yes", nil)
		if want := "list=/tmp\nmake=" + mark + " <nil>\nstat=" + mark + " 0:0 0644\n"; o.out != want {
			t.Errorf("%v, %v\n%s\nwant\n%s", o.err, o.failed, o.out, want)
		}
		if _, err := os.Stat(mark); !os.IsNotExist(err) {
			t.Errorf("it is to be seen outside: %v", err)
		}
		p.reexecute()
		if o := p.start("ExecStart=$SUBJECT run list=/tmp; PrivateTmp=yes", nil); o.out != "list=/tmp keelson-private-tmp\n" {
			t.Errorf("a second process of the unit sees another: %v\n%s", o.failed, o.out)
		}
		name := p.c.lives["a.service"].temporary("/tmp")
		if err := p.c.Release("a.service"); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(name); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	})
	t.Run("network", func(t *testing.T) {
		defer p.c.Release("a.service")
		first := p.start("ExecStart=$SUBJECT run namespace=net; PrivateNetwork=yes", nil)
		second := p.start("ExecStart=$SUBJECT run namespace=net; PrivateNetwork=yes", nil)
		p.reexecute()
		third := p.start("ExecStart=$SUBJECT run namespace=net; PrivateNetwork=yes", func(e *supervise.Spawn, g *Given) { e.Unit, g.Joins = "b.service", []string{"a.service"} })
		p.c.Release("a.service")
		p.reexecute()
		fourth := p.start("ExecStart=$SUBJECT run namespace=net; PrivateNetwork=yes", func(e *supervise.Spawn, g *Given) { e.Unit = "b.service" })
		p.c.Release("b.service")
		if third.out != first.out || fourth.out != first.out {
			t.Errorf("a unit that joins: %q and %q, not %q", third.out, fourth.out, first.out)
		}
		if first.out == "" || first.out != second.out || strings.Contains(first.out, outside("net")) {
			t.Errorf("%q, %q, outside %q; %v", first.out, second.out, outside("net"), first.failed)
		}
	})
	t.Run("users", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("takes root")
		}
		o := p.start("ExecStart=$SUBJECT run ids file=/proc/self/uid_map; PrivateUsers=yes; User=daemon; CapabilityBoundingSet=CAP_KILL", nil)
		if want := "ids 1 1 1 1 1 1\nfile=/proc/self/uid_map 0 0 1 1 1 1\n"; o.out != want {
			t.Errorf("%v\n%s\nwant\n%s", o.failed, o.out, want)
		}
	})
	t.Run("dynamic user with state", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("takes root")
		}
		defer p.c.Release("a.service")
		o := p.start("ExecStart=$SUBJECT run make=$ROOT/lib/dyn/x; DynamicUser=yes; User=keelson-dynamic; StateDirectory=dyn", nil)
		if o.out != "make=$ROOT/lib/dyn/x <nil>\n" {
			t.Errorf("%v, %v\n%s", o.err, o.failed, o.out)
		}
		var st unix.Stat_t
		if err := unix.Lstat(p.root+"/lib/private/dyn/x", &st); err != nil || int(st.Uid) != dynamicID("keelson-dynamic") {
			t.Errorf("%d, %v", st.Uid, err)
		}
		if o := p.start("ExecStart=/bin/true; StateDirectory=dyn", nil); o.status != 0 {
			t.Error(o.failed)
		}
		if err := unix.Lstat(p.root+"/lib/dyn/x", &st); err != nil || st.Uid != 0 {
			t.Errorf("it has not moved back: %d, %v", st.Uid, err)
		}
	})
}
