package run

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keelson/init/ns"
	"keelson/test/binary"
)

// TestNamespaces shows processes in known namespaces: one like this, two that share a network of their own.
func TestNamespaces(t *testing.T) {
	needRoot(t)
	sleep := func(flags uintptr) int {
		cmd := exec.Command("sleep", "1000")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		return cmd.Process.Pid
	}
	plain, own := sleep(0), sleep(syscall.CLONE_NEWUTS|syscall.CLONE_NEWNET)
	r := keelson(t, 0, "ns", "--json", strconv.Itoa(plain), strconv.Itoa(own), strconv.Itoa(os.Getpid()), strconv.Itoa(plain))
	var view ns.View
	if err := json.Unmarshal([]byte(r.out), &view); err != nil || r.status != 0 {
		t.Fatalf("status %d, %v: %s%s", r.status, err, r.out, r.err)
	}
	if len(view.Processes) != 3 {
		t.Fatalf("shows %d processes, want 3 with the repeated one once", len(view.Processes))
	}
	for _, p := range view.Processes {
		if len(p.NS) != len(ns.Kinds) {
			t.Errorf("process %d: %d kinds", p.PID, len(p.NS))
		}
		for kind, id := range p.NS {
			if want := readlink(t, fmt.Sprintf("/proc/%d/ns/%s", p.PID, kind)); want != fmt.Sprintf("%s:[%d]", kind, id) {
				t.Errorf("process %d: %s is %d, /proc says %s", p.PID, kind, id, want)
			}
		}
	}
	a, b := view.Processes[0], view.Processes[1]
	if a.Comm != "sleep" || fmt.Sprint(a.SharedWith["net"]) != fmt.Sprint([]int{os.Getpid()}) || fmt.Sprint(b.SharedWith["net"]) != "[]" ||
		fmt.Sprint(b.SharedWith["mnt"]) != fmt.Sprint([]int{plain, os.Getpid()}) {
		t.Errorf("shared: %v and %v", a.SharedWith, b.SharedWith)
	}

	r = keelson(t, 0, "ns", strconv.Itoa(plain), strconv.Itoa(own))
	if !regexp.MustCompile(`(?m)^COMMAND +sleep +sleep$`).MatchString(r.out) || !regexp.MustCompile(`(?m)^uts +\d+ =? +\d+$`).MatchString(r.out) && !regexp.MustCompile(`(?m)^uts +\d+ +\d+$`).MatchString(r.out) {
		t.Errorf("the table is\n%s", r.out)
	}
	// Inside a namespace of keelson's, PID 1 can be seen, and what is the same is marked.
	r = keelson(t, 0, "run", "--", binary.Path(t, ""), "ns", "1", "2")
	if strings.Count(r.out, " =\n") != len(ns.Kinds) {
		t.Errorf("process 2 shares all with PID 1:\n%s%s", r.out, r.err)
	}
	for args, want := range map[string]string{"999999999": "there is no process 999999999", "0": "not a process id", "x": "not a process id", "--odd": "-odd"} {
		if r := keelson(t, 0, "ns", args); r.status != 125 || !strings.Contains(r.err, want) || strings.Count(r.err, "\n") != 1 || r.out != "" {
			t.Errorf("ns %s: %+v", args, r)
		}
	}
}

// TestPause: the first process of a pod reaps what was there before it listened and what comes later, and ends with 0.
func TestPause(t *testing.T) {
	needRoot(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		// The shell leaves orphans behind and becomes keelson pause: as its children they are there from the start.
		cmd := exec.Command("sh", "-c", `for i in 1 2 3 4 5 6 7 8 9 10; do sh -c : & done; (sleep 1000 & echo $!); exec "$0" pause`, binary.Path(t, ""))
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		if _, err := bufio.NewReader(pipe).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		children := func() []string {
			list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
			return strings.Fields(string(list))
		}
		// Nobody tells when an orphan has been reaped; the list of children does.
		wait := func(n int) {
			t.Helper()
			for deadline := time.Now().Add(10 * time.Second); len(children()) != n; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%v has children %v, want %d", sig, children(), n)
				}
			}
		}
		wait(1)
		orphan, _ := strconv.Atoi(children()[0])
		syscall.Kill(orphan, syscall.SIGKILL)
		wait(0)
		cmd.Process.Signal(sig)
		if cmd.Wait(); cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("%v: %v", sig, cmd.ProcessState)
		}
	}
	if r := keelson(t, 0, "pause", "x"); r.status != 125 || strings.Count(r.err, "\n") != 1 {
		t.Errorf("with an argument: %+v", r)
	}
}
