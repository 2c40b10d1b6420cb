package persona

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const roleVariable = "KEELSON_TEST_ROLE"

// roles are what the test binary can play. Each first says "ready" and its pid on stdout.
var roles = map[string]func(){
	"report":   report,
	"stubborn": stubborn,
	"terminal": terminalRole,
	"job":      job,
	"bomb":     bomb,
	"runaway":  runaway,
}

// role is the command that plays it.
func role(name string) []string {
	return []string{"env", roleVariable + "=" + name, self}
}

// blocked is a command that has every signal blocked: what it is sent stays pending, for /proc to show (ShdPnd), whatever signal it is. No
// handler could do that: the C library and the Go runtime keep a few signals for themselves. It prints what it reads.
func blocked() []string {
	return []string{"env", setting{Blocked: signals(1, 64)}.variable("/bin/cat", []string{"cat"}), self}
}

func play(name string) {
	if act, ok := roles[name]; ok {
		act()
	}
	fmt.Fprintln(os.Stderr, "persona: no role", name)
	os.Exit(99)
}

func ready() { fmt.Println("ready", os.Getpid()) }

// report prints the number of every signal that it gets, behind its arguments, and ends with the status that it reads from stdin. It cannot see URG, with
// which the Go runtime interrupts itself, nor 32 to 34.
func report() {
	received := make(chan os.Signal, 64)
	for _, sig := range signals(1, 64) {
		if s := syscall.Signal(sig); s != unix.SIGKILL && s != unix.SIGSTOP && s != unix.SIGURG {
			signal.Notify(received, s)
		}
	}
	ready()
	go func() {
		for scanner := bufio.NewScanner(os.Stdin); scanner.Scan(); {
			if code, err := strconv.Atoi(scanner.Text()); err == nil {
				os.Exit(code)
			}
		}
	}()
	for s := range received {
		fmt.Printf("%s%d\n", strings.Join(os.Args[1:], ""), s)
	}
}

// stubborn ends by nothing but KILL.
func stubborn() {
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
	ready()
	for {
		time.Sleep(time.Hour)
	}
}

// terminalRole prints what a shell needs to be true to have job control.
func terminalRole() {
	ready()
	tty, err := os.Open("/dev/tty")
	foreground := 0
	if err == nil {
		foreground, err = unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	}
	sid, _ := unix.Getsid(0)
	fmt.Printf("foreground %t, group leader %t, session leader %t\n",
		err == nil && foreground == unix.Getpgrp(), unix.Getpgrp() == os.Getpid(), sid == os.Getpid())
	os.Exit(0)
}

// job does nothing for ever, and says when it was continued.
func job() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, unix.SIGCONT)
	dispose(int(unix.SIGQUIT), byDefault) // the Go runtime would print all of its stacks
	ready()
	for range continued {
		fmt.Println("continued")
	}
}

// bomb forks as fast as it can, for ever, and so do its children. KILL ends them.
func bomb() {
	signal.Ignore(unix.SIGTERM)
	ready()
	explode()
}

const sigchld = 17

// explode is nothing but system calls: a forked Go program has one thread left, and no more than that.
//
//go:norace
//go:nosplit
func explode() {
	pause := unix.Timespec{Nsec: 1e6}
	for {
		_, _, e := syscall.RawSyscall6(unix.SYS_CLONE, sigchld, 0, 0, 0, 0, 0)
		if e != 0 { // as many as there may be
			syscall.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&pause)), 0, 0)
		}
	}
}

// runaway forks and exits as fast as it can, for ever: it is always another process. KILL ends it, if it comes in time.
func runaway() {
	signal.Ignore(unix.SIGTERM)
	ready()
	flee()
}

//go:norace
//go:nosplit
func flee() {
	for {
		if pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE, sigchld, 0, 0, 0, 0, 0); pid != 0 && e == 0 {
			syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
}
