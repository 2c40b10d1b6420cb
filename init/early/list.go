package early

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A list is a program of system calls, compiled by package spawn and carried out here, in a process that has just been executed and
// has one thread. It is handed over as a memfd, which is mapped at Base: a Header, its Steps, and the data that the arguments point at, with
// addresses that are right because Base is.
//
//	keelson-exec LIST REPORT
//
// LIST and REPORT are file descriptors. A step that fails and may not ends the process with the step's exit status, after {step, errno}
// was written to REPORT; the execve that ends the list closes REPORT, and whoever reads it sees an end of file. With 2 for REPORT, nobody
// reads, and the failure is said in words.
//
// A step with the result of one that failed for an argument is not made: it has failed in the same way, and what ends the process or not
// was decided there.

// Header begins a list.
type Header struct {
	Magic uint64
	Steps uint64 // how many follow
}

// Step is one system call, or one of the operations below.
type Step struct {
	Nr     uint64    // the architecture's system call number, or an operation
	Args   [6]uint64 // literal, or an address in the data
	From   [6]uint16 // 0, or k: the argument is the result of step k-1
	Flags  uint16
	Exit   uint16 // the exit status if this step fails
	Result uint64 // written by the exec stage
}

// Flags of a Step.
const (
	MayFail  = 1 << iota // an error is not the end
	NotZero              // a result of 0 is an error
	MayExist             // EEXIST is not the end
	MayDeny              // the error of a missing permission or feature is not the end: {step, -errno} is reported, and the list goes on
)

// The operations: what takes more than one system call, or a decision that only the process itself can make.
const (
	OpDecimal  = 1<<32 + iota // writes Args[1] in decimal, and a NUL, at Args[0]
	OpStore                   // stores Args[1], 32 bits, at Args[0]
	OpFail                    // fails with the errno Args[0]
	OpCopy                    // copies what is left of the descriptor Args[1] to Args[0]; more than Args[2] bytes are EFBIG
	OpOwn                     // gives the directory Args[0] (a descriptor) and all below it to the user Args[1] and the group Args[2], with no mode bits but those of Args[3]
	OpTerminal                // opens the terminal named at Args[0] and makes it the session's, as Args[1] says
	OpMapUsers                // makes a user namespace with the uid_map at Args[0] and the gid_map at Args[1]
)

// How OpTerminal gets a terminal that another session has.
const (
	TerminalWait  = iota // when that session is over
	TerminalForce        // at once, which takes CAP_SYS_ADMIN
	TerminalTry          // not: EPERM
)

const (
	// ListMagic is the Header's.
	ListMagic = 0x31_7473_696c_656b // "kelist1"

	// Base is where a list is mapped: free in a process that has just executed a static program, on every address space size of both architectures.
	Base = 0x10_0000_0000

	// ReportSize is the size of a report: step and errno, an int32 each. There is one for each denial that the list went on after, with the errno
	// negated, and one for the failure that ended it.
	ReportSize = 8

	// ReportStderr has a failure said in words instead.
	ReportStderr = stderr

	exitList = 125 // the list itself is of no use
)

func execStage(argc int, argv *cstr) {
	if argc != 3 {
		print(stderr, "keelson: keelson-exec is not to be called by hand\n")
		exit(exitList)
	}
	list, n := number(at(argv, 1))
	report, m := number(at(argv, 2))
	size := syscall6(unix.SYS_LSEEK, uintptr(list), 0, 2, 0, 0, 0)
	if n == 0 || m == 0 || failed(size) != 0 || size < unsafe.Sizeof(Header{}) {
		print(stderr, "keelson: keelson-exec is not to be called by hand\n")
		exit(exitList)
	}
	if report != ReportStderr {
		syscall6(unix.SYS_FCNTL, uintptr(report), unix.F_SETFD, unix.FD_CLOEXEC, 0, 0, 0)
	}
	base := syscall6(unix.SYS_MMAP, Base, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED_NOREPLACE, uintptr(list), 0)
	if base != Base {
		fail(report, -1, failed(base), exitList)
	}
	closeFD(int32(list))
	header := *(**Header)(unsafe.Pointer(&base))
	if header.Magic != ListMagic || header.Steps > 1<<16-1 || unsafe.Sizeof(*header)+uintptr(header.Steps)*unsafe.Sizeof(Step{}) > size {
		fail(report, -1, eINVAL, exitList)
	}
	for i := 0; i < int(header.Steps); i++ {
		s := step(header, i)
		if arguments(header, s) {
			continue
		}
		r := carryOut(s)
		s.Result = uint64(r)
		e := failed(r)
		switch {
		case e == 0 && (r != 0 || s.Flags&NotZero == 0):
		case s.Flags&MayFail != 0, e == eEXIST && s.Flags&MayExist != 0:
		case s.Flags&MayDeny != 0 && denied(e):
			tell(report, i, -e)
		default:
			fail(report, i, e, int(s.Exit))
		}
	}
	fail(report, int(header.Steps), 0, exitList) // a list ends in execve
}

// arguments fills in the results of earlier steps. If one of these has failed, so has this one, and is not to be made.
func arguments(h *Header, s *Step) (skip bool) {
	for a := range s.Args {
		k := s.From[a]
		if k == 0 {
			continue
		}
		r := step(h, int(k)-1).Result
		if failed(uintptr(r)) != 0 {
			s.Result = r
			return true
		}
		s.Args[a] = r
	}
	return false
}

func carryOut(s *Step) uintptr {
	switch s.Nr {
	case OpDecimal:
		putNumber(pointer(s.Args[0]), int32(s.Args[1]))
		return 0
	case OpStore:
		*(*uint32)(unsafe.Pointer(pointer(s.Args[0]))) = uint32(s.Args[1])
		return 0
	case OpFail:
		return -uintptr(s.Args[0])
	case OpCopy:
		return copyAll(int32(s.Args[0]), int32(s.Args[1]), s.Args[2])
	case OpOwn:
		o := owner{uint32(s.Args[1]), uint32(s.Args[2]), uint32(s.Args[3])}
		return o.tree(int32(s.Args[0]), 0)
	case OpTerminal:
		return acquire(pointer(s.Args[0]), s.Args[1])
	case OpMapUsers:
		return mapUsers(pointer(s.Args[0]), pointer(s.Args[1]))
	}
	return again6(s)
}

// pointer is the string at an address in the list.
func pointer(address uint64) cstr {
	to := uintptr(address)
	return *(*cstr)(unsafe.Pointer(&to))
}

// denied tells whether an error says that something is not allowed, or not known, here.
func denied(e errno) bool {
	return e == ePERM || e == eACCES || e == eNOSYS || e == eOPNOTSUPP
}

func step(h *Header, i int) *Step {
	return (*Step)(unsafe.Add(unsafe.Pointer(h), unsafe.Sizeof(Header{})+uintptr(i)*unsafe.Sizeof(Step{})))
}

func again6(s *Step) uintptr {
	for {
		r := syscall6(uintptr(s.Nr), uintptr(s.Args[0]), uintptr(s.Args[1]), uintptr(s.Args[2]), uintptr(s.Args[3]), uintptr(s.Args[4]), uintptr(s.Args[5]))
		if failed(r) != eINTR {
			return r
		}
	}
}

func fail(report, i int, e errno, status int) {
	if report == ReportStderr {
		m := message{fd: stderr}
		m.str("keelson: step ").num(i).str(" of the start failed: ").errno(e).end()
		exit(status)
	}
	tell(report, i, e)
	exit(status)
}

func tell(report, i int, e errno) {
	if report != ReportStderr {
		r := [2]int32{int32(i), int32(e)}
		write(int32(report), (*byte)(unsafe.Pointer(&r)), ReportSize)
	}
}
