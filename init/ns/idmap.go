package ns

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// Credentials are what the kernel will look at when namespaces are asked for.
type Credentials struct {
	UID, GID  int
	Effective uint64 // capabilities
}

// Own are this process's credentials.
func Own() (Credentials, error) {
	effective, err := sys.Effective()
	return Credentials{os.Geteuid(), os.Getegid(), effective}, err
}

func (c Credentials) has(capability int) bool { return c.Effective&(1<<capability) != 0 }

// canMap tells whether ids other than the caller's own may be mapped (user_namespaces(7)).
func (c Credentials) canMap() bool { return c.has(unix.CAP_SETUID) && c.has(unix.CAP_SETGID) }

func one(inside, outside int) []syscall.SysProcIDMap {
	return []syscall.SysProcIDMap{{ContainerID: inside, HostID: outside, Size: 1}}
}

// defaultMap is the map where none was asked for: whoever may, keeps all ids as they are; anyone else becomes root inside.
func (c Credentials) defaultMap(own int, table string) ([]syscall.SysProcIDMap, error) {
	if !c.canMap() {
		return one(0, own), nil
	}
	text, err := os.ReadFile("/proc/self/" + table)
	if err != nil {
		return nil, fmt.Errorf("cannot make a user namespace: %w", err)
	}
	var ids []syscall.SysProcIDMap
	for line := range strings.Lines(string(text)) {
		var inside, outside, size int
		if _, err := fmt.Sscan(line, &inside, &outside, &size); err != nil {
			return nil, fmt.Errorf("cannot make a user namespace: /proc/self/%s: %w", table, err)
		}
		ids = append(ids, syscall.SysProcIDMap{ContainerID: inside, HostID: inside, Size: size})
	}
	return ids, nil
}

// ParseMap reads INSIDE:OUTSIDE:COUNT, as one line of /proc/PID/uid_map.
func ParseMap(s string) (syscall.SysProcIDMap, error) {
	parts := strings.Split(s, ":")
	var v [3]int
	ok := len(parts) == 3
	for i := 0; ok && i < 3; i++ {
		n, err := strconv.ParseUint(parts[i], 10, 32)
		v[i], ok = int(n), err == nil
	}
	if !ok || v[2] == 0 || v[0]+v[2] > 1<<32-1 || v[1]+v[2] > 1<<32-1 {
		return syscall.SysProcIDMap{}, fmt.Errorf("not INSIDE:OUTSIDE:COUNT: %q; such as 0:1000:1 or 0:100000:65536", s)
	}
	return syscall.SysProcIDMap{ContainerID: v[0], HostID: v[1], Size: v[2]}, nil
}

// checkMap refuses what the kernel would refuse with no more than EPERM or EINVAL (kernel/user_namespace.c, map_write).
func (c Credentials) checkMap(option string, ids []syscall.SysProcIDMap, own int) error {
	const most = 340
	if len(ids) > most {
		return fmt.Errorf("%s: %d lines, the kernel takes %d", option, len(ids), most)
	}
	for i, a := range ids {
		for _, b := range ids[:i] {
			if overlap(a.ContainerID, b.ContainerID, a.Size, b.Size) || overlap(a.HostID, b.HostID, a.Size, b.Size) {
				return fmt.Errorf("%s: %s overlaps %s", option, line(a), line(b))
			}
		}
	}
	if !c.canMap() && (len(ids) != 1 || ids[0].Size != 1 || ids[0].HostID != own) {
		return fmt.Errorf("%s: %s: without CAP_SETUID and CAP_SETGID only the own id can be mapped: INSIDE:%d:1", option, strings.Join(lines(ids), ", "), own)
	}
	return nil
}

func overlap(a, b, sizeA, sizeB int) bool { return a < b+sizeB && b < a+sizeA }

func line(m syscall.SysProcIDMap) string {
	return fmt.Sprintf("%d:%d:%d", m.ContainerID, m.HostID, m.Size)
}

func lines(ids []syscall.SysProcIDMap) []string {
	s := make([]string, len(ids))
	for i := range ids {
		s[i] = line(ids[i])
	}
	return s
}
