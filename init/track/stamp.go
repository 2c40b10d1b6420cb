package track

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// A base is the high half of the values of a manager's stamps: a tag that is neither 0 nor, as RLIM_INFINITY is, all ones.
type base uint64

const (
	tagShift   = 32
	highestTag = 1<<30 - 1
)

// newBase picks a base for a process whose hard limit is hard, with random bits. Below a hard limit, as a manager in a service of another
// manager has it, the base is lower than the limit, in its upper half, so that more can be nested. 0: there is no room.
func newBase(hard, random uint64) base {
	highest := uint64(highestTag)
	if hard>>tagShift <= highest {
		if hard>>tagShift == 0 {
			return 0
		}
		highest = hard>>tagShift - 1
	}
	tag := highest - random%(highest/2+1)
	return base(tag << tagShift)
}

// ownBase picks a base for this process.
func ownBase() base {
	var own unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_LOCKS, nil, &own); err != nil {
		return 0
	}
	var random [8]byte
	rand.Read(random[:]) // never fails
	r := binary.NativeEndian.Uint64(random[:])
	if b := newBase(own.Max, r); b != 0 {
		return b
	}
	if effective, err := sys.Effective(); err == nil && effective&(1<<unix.CAP_SYS_RESOURCE) != 0 {
		return newBase(unix.RLIM_INFINITY, r)
	}
	return 0
}

// value is the limit that says stamp.
func (b base) value(stamp uint32) uint64 { return uint64(b) | uint64(stamp) }

// stamp is what a hard limit says, 0 if nothing.
func (b base) stamp(hard uint64) uint32 {
	if b == 0 || hard>>tagShift != uint64(b)>>tagShift {
		return 0
	}
	return uint32(hard)
}

// hardLimit is the hard RLIMIT_LOCKS of a process. prlimit is a tenth of the price of the file, but without CAP_SYS_RESOURCE it
// is refused for a process that has changed its ids. Safe for concurrent use.
func (p procfs) hardLimit(pid int) (uint64, error) {
	var r unix.Rlimit
	err := unix.Prlimit(pid, unix.RLIMIT_LOCKS, nil, &r)
	if err == nil || err == unix.ESRCH {
		return r.Max, err
	}
	var buf [4096]byte
	text, err := p.read(pid, "limits", buf[:])
	if err != nil {
		return 0, err
	}
	return locksLimit(text)
}

// locksLimit reads the hard limit from /proc/PID/limits: "Max file locks  SOFT  HARD  locks".
func locksLimit(text []byte) (uint64, error) {
	_, line, ok := bytes.Cut(text, []byte("Max file locks"))
	if !ok {
		return 0, unix.EBADMSG
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	f := bytes.Fields(line)
	if len(f) < 2 {
		return 0, unix.EBADMSG
	}
	if string(f[1]) == "unlimited" {
		return unix.RLIM_INFINITY, nil
	}
	hard, err := strconv.ParseUint(string(f[1]), 10, 64)
	if err != nil {
		return 0, unix.EBADMSG
	}
	return hard, nil
}
