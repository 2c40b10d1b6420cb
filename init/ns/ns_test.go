package ns

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/spawn"
)

const (
	sysAdmin = 1 << unix.CAP_SYS_ADMIN
	setIDs   = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
)

func TestParseMap(t *testing.T) {
	for in, want := range map[string]syscall.SysProcIDMap{
		"0:1000:1":       {ContainerID: 0, HostID: 1000, Size: 1},
		"5:0:4294967290": {ContainerID: 5, HostID: 0, Size: 4294967290},
	} {
		if got, err := ParseMap(in); err != nil || got != want {
			t.Errorf("ParseMap(%q) = %v, %v", in, got, err)
		}
	}
	for in, reason := range map[string]string{
		"":                 "nothing",
		"0:0":              "two numbers",
		"0:0:1:1":          "four",
		"a:0:1":            "a letter",
		"-1:0:1":           "a sign",
		"0:0:0":            "an empty range",
		"0:4294967295:1":   "beyond the last id",
		"4294967290:0:100": "ends beyond the last id",
		" 0:0:1":           "a space",
	} {
		if got, err := ParseMap(in); err == nil {
			t.Errorf("ParseMap(%q) = %v, though it is %s", in, got, reason)
		}
	}
}

func TestCheck(t *testing.T) {
	root := Credentials{0, 0, sysAdmin | setIDs}
	user := Credentials{1000, 1001, 0}
	contained := Credentials{0, 0, setIDs} // root in a default container
	for _, tt := range []struct {
		name string
		plan Plan
		who  Credentials
		want string // namespaces and uid map, or the error
	}{
		{"root", Plan{}, root, "mnt,pid "},
		{"root with a host name", Plan{Hostname: "x"}, root, "mnt,pid,uts "},
		{"root with a map", Plan{UIDMap: one(0, 7)}, root, "mnt,pid,user 0:7:1"},
		{"a user gets a user namespace", Plan{}, user, "mnt,pid,user 1000:1000:1"},
		{"a user as root", Plan{User: true}, user, "mnt,pid,user 0:1000:1"},
		{"a user's own map", Plan{UIDMap: one(5, 1000)}, user, "mnt,pid,user 5:1000:1"},
		{"a user and another's id", Plan{UIDMap: one(0, 0)}, user, "--uid-map: 0:0:1: without CAP_SETUID"},
		{"a user and a range", Plan{UIDMap: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 1000, Size: 2}}}, user, "--uid-map: 0:1000:2: without CAP_SETUID"},
		{"a user and another's gid", Plan{GIDMap: one(0, 0)}, user, "--gid-map: 0:0:1: without"},
		{"overlap inside", Plan{UIDMap: append(one(0, 1), one(0, 2)...)}, root, "--uid-map: 0:2:1 overlaps 0:1:1"},
		{"overlap outside", Plan{GIDMap: append(one(0, 1), one(1, 1)...)}, root, "--gid-map: 1:1:1 overlaps 0:1:1"},
		{"too many lines", Plan{UIDMap: make([]syscall.SysProcIDMap, 341)}, root, "--uid-map: 341 lines"},
		{"propagation", Plan{Propagation: "odd"}, root, `unknown --propagation "odd"`},
		{"root without SYS_ADMIN keeps its ids", Plan{}, contained, "mnt,pid,user 0:0:"},
	} {
		p, err := tt.plan.Check(tt.who)
		got := names(p.flags()) + " " + strings.Join(lines(p.UIDMap), ",")
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestSetup holds the order that makes it safe.
func TestSetup(t *testing.T) {
	for _, tt := range []struct {
		name string
		plan Plan
		want []string // in this order
	}{
		{"plain", Plan{Propagation: "private"}, []string{"MS_REC|MS_PRIVATE", `"/proc", "proc"`, "prctl", "write(9", "read(9", "close(9", "rt_sigprocmask", "execve"}},
		{"slave", Plan{Propagation: "slave"}, []string{"MS_REC|MS_SLAVE", `"/proc", "proc"`}},
		{"shared", Plan{Propagation: "shared"}, []string{"MS_REC|MS_PRIVATE", `"/proc", "proc"`, "MS_REC|MS_SHARED"}},
		{"another root", Plan{Propagation: "private", Root: "/srv"}, []string{"MS_REC|MS_PRIVATE", `mount("/srv", "/srv", NULL, MS_BIND|MS_REC`, `"/srv/proc", "proc"`, `chdir("/srv")`, "pivot_root", "umount2", `chdir("/")`}},
		{"name and network", Plan{Propagation: "private", Hostname: "box", Net: true}, []string{"MS_PRIVATE", "/proc", "sethostname", "socket", "ioctl", "close", "prctl"}},
	} {
		list := spawn.Print(tt.plan.Setup(early.State{}, 9, []string{"keelson"}, nil))
		rest := list
		for _, want := range tt.want {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("%s: %q is not in its place:\n%s", tt.name, want, list)
				break
			}
			rest = after
		}
	}
}

func TestRefuse(t *testing.T) {
	mount := &spawn.StepError{Call: spawn.Mount("mount a new /proc", "proc", "/proc", "proc", 0), Errno: unix.EPERM}
	denied := &spawn.StepError{Call: mount.Call, Errno: unix.EACCES}
	gone := &spawn.StepError{Call: mount.Call, Errno: unix.ENOENT}
	ioctl := &spawn.StepError{Call: spawn.LoopbackUp(0)[1], Errno: unix.EPERM}
	filtered := Sandbox{Seccomp: true}
	for _, tt := range []struct {
		name string
		err  error
		who  Credentials
		box  Sandbox
		want string // in the remedy; "-" for no refusal
	}{
		{"default container", unix.EPERM, Credentials{}, filtered, "--cap-add SYS_ADMIN"},
		{"its user", unix.EPERM, Credentials{UID: 5}, filtered, "seccomp=unconfined"},
		{"filter in spite of the capability", unix.EPERM, Credentials{Effective: sysAdmin}, filtered, "seccomp=unconfined"},
		{"sysctl", unix.EPERM, Credentials{UID: 5}, Sandbox{Limits: map[string]string{"kernel.unprivileged_userns_clone": "0"}}, "sysctl kernel.unprivileged_userns_clone=0"},
		{"limit", unix.ENOSPC, Credentials{}, Sandbox{}, "/proc/sys/user"},
		{"no such kind", unix.EINVAL, Credentials{}, Sandbox{}, "kernel was built without"},
		{"masked /proc", mount, Credentials{}, filtered, "systempaths=unconfined"},
		{"AppArmor", denied, Credentials{Effective: sysAdmin}, Sandbox{AppArmor: "docker-default"}, "apparmor=unconfined"},
		{"loopback", ioctl, Credentials{Effective: sysAdmin}, filtered, "--cap-add NET_ADMIN"},
		{"not a matter of permission", gone, Credentials{}, filtered, "-"},
		{"no memory", unix.ENOMEM, Credentials{}, filtered, "-"},
		{"no errno", fmt.Errorf("odd"), Credentials{}, filtered, "-"},
	} {
		r := Plan{}.Refuse(tt.err, tt.who, tt.box)
		switch {
		case r == nil && tt.want != "-":
			t.Errorf("%s: no refusal", tt.name)
		case r != nil && (!strings.Contains(r.Remedy, tt.want) || !strings.Contains(r.Error(), tt.err.Error())):
			t.Errorf("%s: %s", tt.name, r)
		}
	}
}
