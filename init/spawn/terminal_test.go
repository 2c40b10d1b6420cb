package spawn

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/sys"
)

// TestTerminal starts programs on one: the session's, foreign, and lost.
func TestTerminal(t *testing.T) {
	p := newPlace(t)
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudoterminals here: %v", err)
	}
	defer master.Close()
	defer slave.Close()
	path := slave.Name()
	o := p.start("ExecStart=$SUBJECT run terminal fd=0 env=TERM; StandardInput=tty-fail; StandardOutput=journal; TTYReset=yes; TTYVHangup=no; TTYPath="+path, nil)
	if want := "terminal true\nfd=0 " + path + " rw\nenv=TERM \"vt220\"\n"; o.out != want {
		t.Errorf("%v\n%s\nwant\n%s", o.failed, o.out, want)
	}
	// Another session has it.
	holder := exec.Command("/bin/sh", "-c", "echo held; read x")
	holder.Stdin, holder.SysProcAttr = slave, &syscall.SysProcAttr{Setsid: true, Setctty: true}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 5)
	if _, err := io.ReadFull(out, buf); err != nil {
		t.Fatal(err)
	}
	if o := p.start("ExecStart=$SUBJECT run terminal; StandardInput=tty-fail; StandardOutput=journal; TTYPath="+path, nil); o.status != 208 || o.failed.Errno != unix.EPERM {
		t.Errorf("a terminal that is taken: status %d, %v", o.status, o.failed)
	}
	// One that waits gets it when the holder's session is over.
	e := p.spawn("ExecStart=$SUBJECT run terminal; StandardInput=tty; StandardOutput=journal; TTYPath=" + path)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	g := NewGiven()
	g.Out, g.Err = int(w.Fd()), int(w.Fd())
	program, err := p.c.Compile(e, g)
	if err != nil {
		t.Fatal(err)
	}
	child, err := program.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	waitAsleep(t, child.Pid, "inotify")
	if done, _ := child.Read(); done {
		t.Fatal("it did not wait")
	}
	if _, err := master.Write([]byte("go\n")); err != nil {
		t.Fatal(err)
	}
	if err := holder.Wait(); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(r)
	if err := child.Wait(); err != nil || string(got) != "terminal true\n" {
		t.Errorf("%v, %q", err, got)
	}
	sys.Retry(func() error { _, err := unix.Wait4(child.Pid, nil, 0, nil); return err })
}

// waitAsleep waits until a process is in a system call whose kernel function has a word in its name; there is no event for that.
func waitAsleep(t *testing.T, pid int, word string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
		if err != nil || strings.Contains(string(text), word) {
			return
		}
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(text), ") S ") {
			return // where the kernel tells no names
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d does not sleep in %s", pid, word)
		}
	}
}

// TestForeground runs a command with this process's own streams.
func TestForeground(t *testing.T) {
	p := newPlace(t)
	e := p.spawn("ExecStart=$SUBJECT run signals session fd=9; User=; StandardOutput=null")
	g := NewGiven()
	g.Foreground = &Foreground{Signals: early.State{Mask: 1 << (unix.SIGUSR1 - 1), Ignored: 1 << (unix.SIGHUP - 1)}}
	program, err := p.c.Compile(e, g)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	program.files[1] = w.Fd()
	child, err := program.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, _ := io.ReadAll(r)
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	sys.Retry(func() error { _, err := unix.Wait4(child.Pid, nil, 0, nil); return err })
	if want := "signals 0x200 0x1\nsession false false\nfd=9 closed\n"; string(out) != want {
		t.Errorf("%q, want %q", out, want)
	}
}
