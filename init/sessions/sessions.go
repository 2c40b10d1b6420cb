// Package sessions ends the sessions of an sshd in order: who sits at a terminal is told, commands are asked to end, and sshd tells the clients
// how that went. What is left after that is sent TERM; nothing is killed.
//
//	sshd (the listener)                      gone already, or left alone
//	└ sshd of a connection, as root          closes the connection when the session has ended
//	  └ sshd of a connection, as the user    the same process for a rootless sshd; internal-sftp runs within it
//	    └ a session's first process          leads a session of the kernel's (setsid in do_exec_pty, do_exec_no_pty of OpenSSH's session.c)
package sessions

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// names are what OpenSSH's processes are called; from 9.8 on a connection has its own program, from 10 on another before the login.
var names = []string{"sshd", "sshd-session", "sshd-auth"}

// A process is one of /proc's.
type process struct {
	pid, parent int
	name        string
	tty         int // its device number, 0 for none
	title       string
}

func (p process) isSSHD() bool { return slices.Contains(names, p.name) }

// listener tells sshd's first process from those of connections, by what it writes into its title ("[listener]", from 8.2 on), or before that by
// the path that is still in it.
func (p process) listener() bool {
	return strings.Contains(p.title, "[listener]") || !strings.HasPrefix(p.title, "sshd: ") && !strings.HasPrefix(p.title, "sshd-session: ") && !strings.HasPrefix(p.title, "sshd-auth: ")
}

// parseStat reads /proc/PID/stat (proc(5)). The name may have any byte in it, so it ends with the last parenthesis.
func parseStat(pid int, text string) (process, bool) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return process{}, false
	}
	f := strings.Fields(text[end+1:]) // state ppid pgrp session tty_nr
	if len(f) < 5 || f[0] == "Z" {
		return process{}, false
	}
	parent, err := strconv.Atoi(f[1])
	tty, e := strconv.Atoi(f[4])
	return process{pid: pid, parent: parent, name: text[open+1 : end], tty: tty}, err == nil && e == nil
}

func scan(proc string) (map[int]process, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	all := map[int]process{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(proc, e.Name(), "stat"))
		if err != nil {
			continue // it has ended
		}
		if p, ok := parseStat(pid, string(text)); ok {
			if p.isSSHD() {
				title, _ := os.ReadFile(filepath.Join(proc, e.Name(), "cmdline"))
				p.title = strings.ReplaceAll(string(title), "\x00", " ")
			}
			all[pid] = p
		}
	}
	return all, nil
}

// find gives the first processes of sessions and the processes of connections, by pid.
func find(all map[int]process) (first, connections []process) {
	for _, p := range all {
		switch parent := all[p.parent]; {
		case p.isSSHD() && !p.listener():
			connections = append(connections, p)
		case !p.isSSHD() && parent.isSSHD() && !parent.listener():
			first = append(first, p)
		}
	}
	byPID := func(a, b process) int { return a.pid - b.pid }
	slices.SortFunc(first, byPID)
	slices.SortFunc(connections, byPID)
	return first, connections
}

// terminal is the path of a pseudo terminal's device number, "" for another device (Unix98 ptys have the majors 136 to 143).
func terminal(tty int) string {
	major, minor := unix.Major(uint64(tty)), unix.Minor(uint64(tty))
	if major < 136 || major > 143 {
		return ""
	}
	return fmt.Sprintf("/dev/pts/%d", (major-136)<<8|minor)
}

// How long the steps wait.
const (
	commandsTime    = 2 * time.Second // for commands to end
	connectionsTime = time.Second     // for sshd to tell the clients
	termTime        = time.Second     // for sshd after TERM
)

// Sessions are those that were found, held by descriptors.
type Sessions struct {
	first                 []process
	commands, connections holding
	clients               int
}

// Find finds the sessions below a process, 0 for all that /proc shows. Where processes of other containers or of the host can be seen, their sessions are
// not to be ended with this one's. End gives the descriptors back.
func Find(under int) (*Sessions, error) {
	all, err := scan("/proc")
	if err != nil {
		return nil, err
	}
	first, connections := find(all)
	first, connections = below(all, under, first), below(all, under, connections)
	return &Sessions{first, hold(first), hold(connections), clients(connections)}, nil
}

// clients counts connections: one may have two processes.
func clients(connections []process) (n int) {
	for _, p := range connections {
		if !slices.ContainsFunc(connections, func(o process) bool { return o.pid == p.parent }) {
			n++
		}
	}
	return n
}

// below leaves the descendants of a process.
func below(all map[int]process, ancestor int, list []process) []process {
	return slices.DeleteFunc(list, func(p process) bool {
		// A pid that was reused while /proc was read can close a circle, which no chain of parents is as long as.
		for range len(all) + 1 {
			if p.parent == ancestor {
				return false
			}
			next, ok := all[p.parent]
			if !ok {
				return ancestor != 0
			}
			p = next
		}
		return true
	})
}

// Len is how many clients there are.
func (s *Sessions) Len() int { return s.clients }

// End tells the sessions the reason and ends them. It gives the pids that are still there after all that, and takes four seconds at most.
func (s *Sessions) End(reason string) (left []int) {
	defer s.connections.close()
	told := map[int]bool{}
	for _, p := range s.first {
		if p.tty != 0 && !told[p.tty] {
			told[p.tty] = true
			tell(terminal(p.tty), reason)
		}
	}
	for _, p := range s.first {
		sig := unix.SIGTERM
		if p.tty != 0 {
			sig = unix.SIGHUP // an interactive shell ignores TERM, and passes HUP on to its jobs
		}
		// It leads its group (setsid(2)), in which a command without job control has its children.
		unix.Kill(-p.pid, sig)
		unix.Kill(-p.pid, unix.SIGCONT)
	}
	s.commands.wait(commandsTime)
	s.commands.close()
	if len(s.first) > 0 {
		s.connections.wait(connectionsTime)
	}
	for _, h := range s.connections {
		h.signal(unix.SIGTERM) // file transfer, forwarding without a session, not logged in yet
	}
	s.connections.wait(termTime)
	for _, h := range s.connections {
		if !h.ended {
			left = append(left, h.pid)
		}
	}
	return left
}

// tell writes a line to a terminal, if it takes one at once: a stopped or full one is not waited for.
func tell(path, reason string) {
	if path == "" {
		return
	}
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	unix.Write(fd, []byte("\r\n"+reason+"\r\n"))
}

// A held process is one whose end is seen, and whose pid cannot come to mean another. fd is -1 where the kernel has no pidfds (before 5.3).
type held struct {
	pid, fd int
	ended   bool
}

type holding []*held

func hold(list []process) holding {
	var h holding
	for _, p := range list {
		fd, err := unix.PidfdOpen(p.pid, 0)
		if err == unix.ESRCH {
			continue
		}
		if err != nil {
			fd = -1
		}
		h = append(h, &held{pid: p.pid, fd: fd})
	}
	return h
}

func (h *held) signal(sig unix.Signal) {
	if h.ended {
		return
	}
	if h.fd < 0 || unix.PidfdSendSignal(h.fd, sig, nil, 0) == unix.ENOSYS {
		unix.Kill(h.pid, sig)
	}
}

// gone is for a process without a pidfd.
func (h *held) gone() bool { return unix.Kill(h.pid, 0) == unix.ESRCH }

// wait returns when all have ended or the time is up. Without pidfds the kernel tells nobody but the parent of an end, so those are looked for.
func (h holding) wait(limit time.Duration) {
	const lookEvery = 50 // ms
	for end := time.Now().Add(limit); ; {
		var fds []unix.PollFd
		var of []*held
		looking := false
		for _, p := range h {
			if p.fd < 0 && !p.ended {
				p.ended = p.gone()
				looking = looking || !p.ended
			} else if !p.ended {
				fds, of = append(fds, unix.PollFd{Fd: int32(p.fd), Events: unix.POLLIN}), append(of, p)
			}
		}
		rest := int(time.Until(end).Milliseconds())
		if len(fds) == 0 && !looking || rest <= 0 {
			return
		}
		if looking {
			rest = min(rest, lookEvery)
		}
		sys.Retry(func() error { _, err := unix.Poll(fds, rest); return err })
		for i := range fds {
			of[i].ended = fds[i].Revents != 0
		}
	}
}

func (h holding) close() {
	for _, p := range h {
		if p.fd >= 0 {
			unix.Close(p.fd)
		}
	}
}
