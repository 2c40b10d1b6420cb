package main

import (
	"fmt"
	"strings"
	"syscall"
)

// A manager is what is compared: how it is told of its services, started and ended. Each is PID 1 of a container of the same image.
type manager struct {
	name    string
	config  func(services int) []file
	command []string
	args    []string       // of docker run
	stop    syscall.Signal // has PID 1 stop the services and end
}

// A file is one of a container's /bench.
type file struct {
	path, text string
	mode       uint32
}

const keelson = 0 // the column that the others are compared with

// halt is SIGRTMIN+3 of the C library, which takes two of the kernel's real-time signals for itself (signal(7)).
const halt = syscall.Signal(34 + 3)

// managers, in the order of the columns. The files of a directory of units are the same for keelson and systemd.
var managers = []manager{
	{"keelson", units, []string{"/sbin/keelson", "boot", "bench.target"}, nil, syscall.SIGTERM},
	{"s6", scripts, []string{"s6-svscan", "-c", "2000", "/bench/services"}, nil, syscall.SIGTERM},
	// runsvdir ends without waiting for what it has sent SIGTERM to; with the container the kernel kills that.
	{"runit", scripts, []string{"runsvdir", "/bench/services"}, nil, syscall.SIGHUP},
	{"supervisord", programs, []string{"supervisord", "-n", "-c", "/bench/supervisord.conf"}, nil, syscall.SIGTERM},
	// systemd does not boot with Docker's default privileges.
	{"systemd", units, []string{"/sbin/init"}, []string{
		"--cap-add=SYS_ADMIN", "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined", "--security-opt=systempaths=unconfined",
		"--cgroupns=host", "-v", "/sys/fs/cgroup:/sys/fs/cgroup", "--tmpfs", "/run", "--tmpfs", "/tmp",
	}, halt},
}

func units(services int) []file {
	var names strings.Builder
	files := []file{{"units/default.target", "", 0}}
	for i := range services {
		name := fmt.Sprintf("s%d.service", i)
		names.WriteString(" " + name)
		files = append(files, file{"units/" + name, "[Service]\nExecStart=sleep infinity\n", 0o644})
	}
	target := "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\nWants=" + names.String() + "\n"
	files[0] = file{"units/default.target", target, 0o644}
	return append(files, file{"units/bench.target", target, 0o644})
}

func scripts(services int) (files []file) {
	for i := range services {
		files = append(files, file{fmt.Sprintf("services/s%d/run", i), "#!/bin/sh\nexec sleep infinity\n", 0o755})
	}
	return files
}

func programs(services int) []file {
	var b strings.Builder
	b.WriteString("[supervisord]\nuser=root\nminfds=8192\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=/run/supervisord.pid\n")
	for i := range services {
		fmt.Fprintf(&b, "[program:s%d]\ncommand=sleep infinity\nredirect_stderr=true\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n", i)
	}
	return []file{{"supervisord.conf", b.String(), 0o644}}
}
