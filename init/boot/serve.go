package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/bus"
	"keelson/init/journal/file"
	"keelson/init/loop"
	"keelson/init/spawn/filter"
)

// closeGrace is what clients have to take their last messages.
const closeGrace = 200 * time.Millisecond

// managerVersion is what D-Bus clients are told. systemctl compares the number in front with its own.
const managerVersion = "252 (keelson)"

// features are those of systemd's that units can count on here, as `systemctl --version` lists them.
const features = "-PAM -AUDIT -SELINUX -APPARMOR -IMA -SMACK +SECCOMP -GCRYPT -GNUTLS -OPENSSL -ACL -BLKID -CURL -ELFUTILS -FIDO2 -IDN2 -IDN -IPTC -KMOD -LIBCRYPTSETUP -LIBFDISK -PCRE2 -PWQUALITY -P11KIT -QRENCODE -TPM2 -BZIP2 -LZ4 -XZ -ZLIB +ZSTD -BPF_FRAMEWORK -XKBCOMMON -UTMP +SYSVINIT default-hierarchy=unified"

// serve makes the D-Bus socket that systemctl asks, unless an earlier incarnation has left it, and a server on it. Who comes while the manager executes
// itself anew waits in the socket.
func serve(l *loop.Loop, p loop.Places) (*bus.Server, error) {
	s := bus.New(l, bus.Options{UID: uint32(os.Getuid()), Logf: l.Logf, BusName: l.BusName, Calls: filter.EachCall})
	l.Listen = func() error {
		fd, err := listenPrivate(p.Private)
		if err != nil {
			return err
		}
		if l.Private >= 0 {
			unix.Close(l.Private)
		}
		l.Private = fd
		return s.Serve(fd)
	}
	if l.Private >= 0 {
		return s, s.Serve(l.Private)
	}
	return s, l.Listen()
}

// listenPrivate makes a listening socket at path, in one step: who comes finds the old one or the new one.
func listenPrivate(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	fresh := filepath.Join(filepath.Dir(path), ".#private"+strconv.Itoa(os.Getpid()))
	os.Remove(fresh)
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: fresh})
	if err == nil {
		err = os.Chmod(fresh, 0o600)
	}
	if err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		unix.Close(fd)
		os.Remove(fresh)
		return -1, fmt.Errorf("cannot listen at %s: %w", path, err)
	}
	return fd, nil
}

// journalID is an id of 32 hexadecimal digits as journal files have it; the zero id for none.
func journalID(s string) file.ID {
	id, _ := file.ParseID(s)
	return id
}

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}
