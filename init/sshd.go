package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/boot"
	"keelson/init/early"
	"keelson/init/sessions"
	"keelson/sshd-recipe"
)

// sessionsEnd is what people at terminals are told.
const sessionsEnd = "The container is being stopped. This session ends now."

func sshd(args []string) int {
	v, err := sshdrecipe.Parse(args, os.Environ(), sshdrecipe.SecretsFolder)
	switch {
	case errors.Is(err, sshdrecipe.ErrHelp):
		fmt.Print(sshdrecipe.Help())
		return 0
	case err != nil:
		return refuse("sshd", err)
	case v.On("install-drop-in"):
		return installSSHDropIn()
	case v.On("end-sessions"):
		unblock()
		return endSessions()
	}
	only := v.On("prepare-only")
	if only || os.Getpid() != 1 {
		unblock()
	}
	host, _ := os.Hostname()
	r := sshdrecipe.Recipe{
		Values: v, Environ: os.Environ(), Path: os.Getenv("PATH"), Etc: "/etc", Secrets: sshdrecipe.SecretsFolder, UID: os.Geteuid(), Host: host,
		Birth: containerBirth(), Lenient: only, Say: func(line string) { fmt.Fprintln(os.Stderr, "keelson: sshd: "+line) },
	}
	ready, err := r.Prepare()
	if err != nil {
		status := refuse("sshd", err)
		if errors.Is(err, sshdrecipe.NoWayIn) {
			fmt.Fprintln(os.Stderr, "  "+strings.Join(sshdrecipe.Ways, "\n  "))
		}
		return status
	}
	switch {
	case only:
		if err := ready.EnvironmentFile(); err != nil {
			return refuse("sshd", err)
		}
		return 0
	case os.Getpid() == 1:
		return sshdUnderManager(ready)
	}
	return holdSSHD(ready)
}

// unblock gives this process the signals that it was started with: what it starts inherits them, and a stop ends it.
func unblock() {
	var set unix.Sigset_t
	set.Val[0] = early.Inherited().Mask
	unix.PthreadSigmask(unix.SIG_SETMASK, &set, nil)
}

// sshdUnderManager is sshd as a unit of the manager, which takes what sshd writes to /dev/log, and reaps what sessions leave. The container ends with it.
func sshdUnderManager(ready sshdrecipe.Ready) int {
	o := boot.Options{Environ: os.Environ(), Inherited: early.Inherited()}
	o.FromEnvironment()
	self, err := installedAs("/")
	if err != nil {
		return refuse("sshd", err)
	}
	// Only root can make /dev/log.
	o.Files = ready.Units(self, os.Geteuid() != 0)
	o.Units, o.ExitWith = []string{sshdrecipe.Unit}, sshdrecipe.Unit
	status, err := boot.Run(o)
	if err != nil {
		return refuse("sshd", err)
	}
	return status
}

// holdSSHD runs sshd as a child where another process is the first one: that one reaps what sessions leave. sshd's log is this process's.
func holdSSHD(ready sshdrecipe.Ready) int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	command := ready.Command(true)
	child := exec.Command(command[0], command[1:]...)
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		return refuse("sshd", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for {
		select {
		case <-ended:
			if ws := child.ProcessState.Sys().(unix.WaitStatus); ws.Signaled() {
				return 128 + int(ws.Signal())
			}
			return child.ProcessState.ExitCode()
		case sig := <-signals:
			if sig == unix.SIGHUP {
				child.Process.Signal(sig) // it reads its configuration again
				continue
			}
			found, err := sessions.Find(child.Process.Pid)
			child.Process.Signal(unix.SIGTERM)
			if err != nil {
				return refuse("sshd", err)
			}
			sayLeft(found, found.End(sessionsEnd))
			<-ended
			return 0
		}
	}
}

// endSessions is for the manager's ExecStop=: of all sessions that can be seen, those below the manager.
func endSessions() int {
	found, err := sessions.Find(os.Getppid())
	if err != nil {
		return refuse("sshd", err)
	}
	sayLeft(found, found.End(sessionsEnd))
	return 0
}

func sayLeft(found *sessions.Sessions, left []int) {
	if found.Len() > 0 {
		fmt.Fprintf(os.Stderr, "keelson: sshd: connections told and closed: %d\n", found.Len())
	}
	if len(left) > 0 {
		fmt.Fprintf(os.Stderr, "keelson: sshd: of their processes these do not end: %v\n", left)
	}
}

func installSSHDropIn() int {
	self, err := installedAs("/")
	if err != nil {
		return refuse("sshd", err)
	}
	written, err := sshdrecipe.InstallDropIn("/", self)
	for _, w := range written {
		fmt.Println(w)
	}
	if err != nil {
		return refuse("sshd", err)
	}
	return 0
}

// containerFiles are those that a container's runtime makes for it alone and mounts.
var containerFiles = []string{"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"}

// containerBirth is the rule of sshdrecipe.Birth. A file system that does not know when a file was made gives when it was changed.
func containerBirth() sshdrecipe.Birth {
	var root unix.Statx_t
	const mask = unix.STATX_BTIME | unix.STATX_CTIME | unix.STATX_MNT_ID
	stat := func(file string, flags int, st *unix.Statx_t) bool {
		return unix.Statx(unix.AT_FDCWD, file, flags, mask, st) == nil
	}
	if !stat("/", 0, &root) {
		return sshdrecipe.Birth{}
	}
	// Without mount ids (before Linux 5.8) the device tells most mounts from the root.
	onRoot := func(st *unix.Statx_t) bool {
		return st.Dev_major == root.Dev_major && st.Dev_minor == root.Dev_minor && (st.Mask&unix.STATX_MNT_ID == 0 || st.Mnt_id == root.Mnt_id)
	}
	b := sshdrecipe.Birth{OnRoot: func(file string) bool {
		var st unix.Statx_t
		return stat(file, 0, &st) && onRoot(&st)
	}}
	for _, file := range containerFiles {
		var st unix.Statx_t
		if !stat(file, 0, &st) || onRoot(&st) {
			continue
		}
		at := time.Unix(st.Ctime.Sec, int64(st.Ctime.Nsec))
		if st.Mask&unix.STATX_BTIME != 0 {
			at = time.Unix(st.Btime.Sec, int64(st.Btime.Nsec))
		}
		if !b.OK || at.Before(b.Time) {
			b.OK, b.Time = true, at
		}
	}
	return b
}
