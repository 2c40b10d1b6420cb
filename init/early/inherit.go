package early

import (
	"unsafe"
)

// State is what this process was started with and the Go runtime overwrites before main.
type State struct {
	Mask    uint64 // blocked signals: bit n-1 is signal n
	Ignored uint64 // signals whose disposition is SIG_IGN
}

var (
	entered   bool
	inherited State
	softFiles uint64
	execName  uintptr // of the kernel's stack, which stays where it is
)

// Entered tells whether the process was started at keelson_entry. If not, the binary was linked without -E, and nothing in this package works.
func Entered() bool { return entered }

// Inherited is the signal state that this process was started with.
func Inherited() State { return inherited }

// SoftFiles is the soft limit RLIMIT_NOFILE that this process was started with. The runtime raises its own, and gives this one to what it starts.
func SoftFiles() uint64 { return softFiles }

// ExecFile is the file that the kernel executed as this process, as it was given to execve(2) (AT_EXECFN of getauxval(3)); it needs no /proc.
func ExecFile() string {
	name := asString(execName)
	if name == nil {
		return ""
	}
	return string(unsafe.Slice(name, length(name)))
}

// keep notes the inherited state. With block, every signal stays pending from here on, for the process that this one turns itself
// into to act on: none is lost while the runtime is up.
func keep(envp *cstr, block bool) {
	entered = true
	for sig := uint8(1); sig < signals; sig++ {
		if handler(sig) == sigIGN {
			inherited.Ignored |= bit(sig)
		}
	}
	setMask(nil, &inherited.Mask)
	softFiles = softFileLimit()
	if block {
		everything := all
		setMask(&everything, nil)
	}
	execName = execFileName(envp)
}

// execFileName finds AT_EXECFN in the auxiliary vector, pairs of words behind the environment that a 0 ends.
func execFileName(envp *cstr) uintptr {
	i := 0
	for at(envp, i) != nil {
		i++
	}
	for i++; word(envp, i) != 0; i += 2 {
		if word(envp, i) == atExecFN {
			return word(envp, i+1)
		}
	}
	return 0
}

const atExecFN = 31 // AT_EXECFN

func word(array *cstr, i int) uintptr {
	return *(*uintptr)(unsafe.Add(unsafe.Pointer(array), i*8))
}

// asString is the string at an address of the kernel's stack.
func asString(address uintptr) cstr { return *(*cstr)(unsafe.Pointer(&address)) }
