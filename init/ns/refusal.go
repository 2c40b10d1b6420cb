package ns

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/spawn"
)

// Refusal is namespaces denied: what failed, and what would grant them.
type Refusal struct {
	Err    error
	Remedy string // "" if keelson knows none
}

func (r *Refusal) Error() string {
	s := r.Err.Error()
	if r.Remedy != "" {
		s += "; " + r.Remedy
	}
	return s
}

func (r *Refusal) Unwrap() error { return r.Err }

// Sandbox is what the surroundings forbid, as far as a process can see it.
type Sandbox struct {
	Seccomp  bool              // a system call filter is in force
	AppArmor string            // the profile, "" or "unconfined" for none
	Limits   map[string]string // /proc/sys values that deny user namespaces
}

// Look reads the sandbox from /proc; without one nothing is known.
func Look() Sandbox {
	s := Sandbox{Limits: map[string]string{}}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if mode, ok := strings.CutPrefix(line, "Seccomp:"); ok {
			s.Seccomp = strings.TrimSpace(mode) == strconv.Itoa(unix.SECCOMP_MODE_FILTER)
		}
	}
	profile, _ := os.ReadFile("/proc/self/attr/current")
	s.AppArmor, _, _ = strings.Cut(strings.TrimSpace(strings.TrimRight(string(profile), "\x00")), " ")
	for _, l := range []struct{ name, denies string }{
		{"user.max_user_namespaces", "0"}, {"kernel.unprivileged_userns_clone", "0"}, {"kernel.apparmor_restrict_unprivileged_userns", "1"},
	} {
		v, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(l.name, ".", "/"))
		if err == nil && strings.TrimSpace(string(v)) == l.denies {
			s.Limits[l.name] = l.denies
		}
	}
	return s
}

const (
	grantAdmin   = "docker run --cap-add SYS_ADMIN grants it"
	grantNet     = "docker run --cap-add NET_ADMIN grants it"
	grantSeccomp = "docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined grants it"
	grantPaths   = "docker run --security-opt systempaths=unconfined (podman: --security-opt unmask=ALL) grants it"
	grantMounts  = "docker run --security-opt apparmor=unconfined grants it"
)

// Refuse explains an error of spawn.Start or of Child.Wait. It returns nil if that has nothing to do with permissions.
func (p Plan) Refuse(err error, c Credentials, s Sandbox) *Refusal {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return nil
	}
	var step *spawn.StepError
	if errors.As(err, &step) {
		if errno != unix.EPERM && errno != unix.EACCES {
			return nil
		}
		return &Refusal{err, stepRemedy(step, c, s)}
	}
	cloned := fmt.Errorf("cannot make the namespaces %s: clone: %w", names(p.flags()), err)
	switch errno {
	case unix.EPERM:
		return &Refusal{cloned, cloneRemedy(c, s)}
	case unix.ENOSPC, unix.EUSERS:
		return &Refusal{cloned, "the limits under /proc/sys/user (max_user_namespaces and others) are reached"}
	case unix.EINVAL, unix.ENOSYS:
		return &Refusal{cloned, "the kernel was built without one of them"}
	}
	return nil
}

func cloneRemedy(c Credentials, s Sandbox) string {
	for _, name := range []string{"user.max_user_namespaces", "kernel.unprivileged_userns_clone", "kernel.apparmor_restrict_unprivileged_userns"} {
		if v, ok := s.Limits[name]; ok && !c.has(unix.CAP_SYS_ADMIN) {
			return fmt.Sprintf("the host has sysctl %s=%s", name, v)
		}
	}
	switch {
	case c.has(unix.CAP_SYS_ADMIN) && s.Seccomp:
		return "a seccomp filter denies it: " + grantSeccomp
	case c.has(unix.CAP_SYS_ADMIN):
		return ""
	case c.UID == 0:
		return "CAP_SYS_ADMIN is missing: " + grantAdmin
	case s.Seccomp:
		return "a seccomp filter denies it: " + grantSeccomp
	}
	return "CAP_SYS_ADMIN is missing"
}

func stepRemedy(step *spawn.StepError, c Credentials, s Sandbox) string {
	confined := s.AppArmor != "" && s.AppArmor != "unconfined"
	switch {
	case step.Call.Name == "ioctl" && !c.has(unix.CAP_NET_ADMIN):
		return "CAP_NET_ADMIN is missing: " + grantNet
	case step.Call.Name != "mount":
		return ""
	case confined && (step.Errno == unix.EACCES || c.has(unix.CAP_SYS_ADMIN)):
		return "the AppArmor profile " + s.AppArmor + " denies it: " + grantMounts
	case strings.HasSuffix(step.Call.For, "/proc"):
		return "parts of the container's /proc are masked: " + grantPaths
	}
	return ""
}
