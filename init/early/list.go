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

// Header begins a list.
type Header struct {
	Magic uint64
	Steps uint64 // how many follow
}

// Step is one system call, or one of the operations below.
type Step struct {
	Nr     uint64    // the architecture's system call number, or OpDecimal
	Args   [6]uint64 // literal, or an address in the data
	From   [6]uint16 // 0, or k: the argument is the result of step k-1
	Flags  uint16
	Exit   uint16 // the exit status if this step fails
	Result uint64 // written by the exec stage
}

// Flags of a Step.
const (
	MayFail = 1 << iota // an error is not the end
	NotZero             // a result of 0 is an error
)

const (
	// OpDecimal writes Args[1] in decimal, and a NUL, at Args[0].
	OpDecimal = 1 << 32

	// ListMagic is the Header's.
	ListMagic = 0x31_7473_696c_656b // "kelist1"

	// Base is where a list is mapped: free in a process that has just executed a static program, on every address space size of both architectures.
	Base = 0x10_0000_0000

	// ReportSize is the size of a report: step and errno, an int32 each.
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
		for a := range s.Args {
			if k := s.From[a]; k > 0 {
				s.Args[a] = step(header, int(k)-1).Result
			}
		}
		if s.Nr == OpDecimal {
			to := uintptr(s.Args[0])
			putNumber(*(*cstr)(unsafe.Pointer(&to)), int32(s.Args[1]))
			continue
		}
		r := again6(s)
		s.Result = uint64(r)
		e := failed(r)
		if e != 0 && s.Flags&MayFail == 0 || r == 0 && s.Flags&NotZero != 0 {
			fail(report, i, e, int(s.Exit))
		}
	}
	fail(report, int(header.Steps), 0, exitList) // a list ends in execve
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
	r := [2]int32{int32(i), int32(e)}
	write(int32(report), (*byte)(unsafe.Pointer(&r)), ReportSize)
	exit(status)
}
