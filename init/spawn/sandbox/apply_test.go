package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// With this variable the test binary carries out the plan in it, in the namespaces that it was started in, and becomes a shell that runs its argument.
const planVariable = "SANDBOX_TEST_PLAN"

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(planVariable); ok {
		apply(text, os.Args[1])
	}
	os.Exit(m.Run())
}

func apply(text, script string) {
	var p Plan
	err := json.Unmarshal([]byte(text), &p)
	unix.Umask(0)
	for _, s := range p.Steps {
		if err != nil {
			break
		}
		switch s.Op {
		case Mount:
			err = unix.Mount(s.Source, s.Target, s.Type, uintptr(s.Flags), s.Data)
		case Unmount:
			err = unix.Unmount(s.Target, int(s.Flags))
		case Mkdir:
			err = unix.Mkdir(s.Target, s.Mode)
		case Mknod:
			err = unix.Mknod(s.Target, s.Mode, 0)
		case Symlink:
			err = unix.Symlink(s.Source, s.Target)
		case Chdir:
			err = unix.Chdir(s.Target)
		case Pivot:
			err = unix.PivotRoot(s.Source, s.Target)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", s, err)
		}
		if s.Optional {
			err = nil
		}
	}
	if err == nil {
		err = syscall.Exec("/bin/sh", []string{"sh", "-c", script}, []string{"PATH=/usr/bin:/bin"})
	}
	fmt.Println(err)
	os.Exit(1)
}

// TestApplied has the kernel build views, and looks at them from inside.
func TestApplied(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making mounts needs root")
	}
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil {
		t.Skipf("this place has no mount namespaces to give: %v", err)
	}
	dir, err := os.MkdirTemp("/var/lib", "keelson-test-") // not in /tmp, which views replace
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{"inside", "state", "tmp", "vartmp", "etc"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/file", "outside")
	write("tmp/mine", "private")
	for _, n := range InaccessibleNodes {
		err := error(unix.EEXIST)
		if os.MkdirAll(filepath.Dir(n.Path), 0o755); n.Mode&unix.S_IFMT == unix.S_IFDIR {
			err = unix.Mkdir(n.Path, n.Mode&0o7777)
		} else {
			err = unix.Mknod(n.Path, n.Mode, 0)
		}
		if err != nil && err != unix.EEXIST {
			t.Logf("%s: %v", n.Path, err)
		}
	}
	for _, c := range []struct {
		lines, script, want string
	}{
		{"ProtectSystem=strict; ReadWritePaths=DIR/state", "touch DIR/state/a && echo state; touch DIR/b 2>/dev/null || echo dir; touch /usr/b 2>/dev/null || echo usr; echo > /dev/null && echo null", "state\ndir\nusr\nnull\n"},
		{"PrivateTmp=yes; ReadOnlyPaths=DIR", "cat /tmp/mine; touch /tmp/x && echo tmp; touch DIR/x 2>/dev/null || echo dir", "privatetmp\ndir\n"},
		{"PrivateDevices=yes", "ls /dev | grep -v core | tr '\\n' ' '; head -c 2 /dev/zero | wc -c; touch /dev/x 2>/dev/null || echo ro; touch /dev/shm/keelson-test && rm /dev/shm/keelson-test && echo shm",
			"fd full hugepages log mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero 2\nro\nshm\n"},
		{"InaccessiblePaths=DIR/etc DIR/state/file", "ls DIR/etc 2>/dev/null; cat DIR/state/file; stat -c %a DIR/etc DIR/state/file", "0\n0\n"},
		{"TemporaryFileSystem=DIR; BindReadOnlyPaths=DIR/etc:DIR/new/etc", "ls DIR; cat DIR/new/etc/file; touch DIR/new/etc/x 2>/dev/null || echo ro; touch DIR/x && echo rw", "new\noutsidero\nrw\n"},
		{"NoExecPaths=DIR", "cp /bin/true DIR/true; DIR/true 2>/dev/null || echo noexec; rm DIR/true", "noexec\n"},
		{"ProtectProc=invisible; ProtectKernelTunables=yes; ProtectControlGroups=yes", "test -d /proc/1 && echo proc; echo 1 2>/dev/null >/proc/sys/kernel/printk || echo ro; grep -q hidepid=invisible /proc/self/mounts && echo hidden; test -d /run/systemd/inaccessible && echo run", "proc\nro\nhidden\nrun\n"},
		{"PrivateMounts=yes; StateDirectory=keelson-sandbox-test", "grep -c unit-root /proc/self/mounts; test -e DIR/etc/file && echo here", "0\nhere\n"},
		{"RootDirectory=DIR/root; BindReadOnlyPaths=/bin /lib /lib64 /usr -/sbin", "ls /; test -e /dev/null && echo dev; test -d /proc/self && echo proc", "bin\ndev\nlib\nlib64\nproc\nrun\nsbin\nsys\nusr\ndev\nproc\n"},
	} {
		if strings.Contains(c.lines, "StateDirectory") {
			if err := os.MkdirAll("/var/lib/keelson-sandbox-test", 0o755); err != nil {
				t.Fatal(err)
			}
			defer os.Remove("/var/lib/keelson-sandbox-test")
		}
		if strings.Contains(c.lines, "RootDirectory") {
			if err := os.Mkdir(filepath.Join(dir, "root"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		write("state/file", "secret")
		host := unit.DefaultHost()
		r := &Request{Exec: load(t, strings.ReplaceAll(c.lines, "DIR", dir)), Host: &host, TmpDir: dir + "/tmp", VarTmpDir: dir + "/vartmp"}
		p := Make(r, &Machine{})
		if p.Err != nil {
			t.Errorf("%s: %v", c.lines, p.Err)
			continue
		}
		text, err := json.Marshal(Plan{Steps: p.Steps})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], strings.ReplaceAll(c.script, "DIR", dir))
		cmd.Env = append(os.Environ(), planVariable+"="+string(text))
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		out, _ := cmd.CombinedOutput()
		if string(out) != c.want {
			t.Errorf("%s:\ngot\n%s\nwant\n%s\n%s%q", c.lines, out, c.want, p.Print(), p.Remarks)
		}
	}
	if b, err := os.ReadFile("/proc/self/mounts"); err == nil && strings.Contains(string(b), unitRoot) {
		t.Error("mounts are to be seen outside")
	}
}
