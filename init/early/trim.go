package early

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The wrapper shares its file with a whole Go program. Whenever code or constants of it are touched, the kernel maps the 64 KiB around them
// (mm/memory.c, do_fault_around), but not beyond the limits of a mapping. So the few pages that the waiting wrapper runs on are made a mapping of
// their own, by advice that changes nothing else, and the rest is let go. All of it stays where it was: a message that is printed
// later is read from the file again.

const (
	page     = 4096
	hotPages = 4         // of code, ending with this package's assembly: sys.go to wrapper.go, as the linker lays them out by file name
	below    = 512       // bytes that the calls made here may have in use below this frame
	deep     = 16 * page // of stack: what parsing, starting and the child have used
)

// trim needs every global of this package and of the runtime as the file has it: nothing writes one before the runtime starts. The page
// in which the data ends is left alone, for behind the data it holds zeros that the file does not have.
func trim() {
	text, here, edata := layout()
	hot := here&^(page-1) - (hotPages-1)*page
	end := hot + hotPages*page
	advise(hot, end, unix.MADV_RANDOM)
	advise(text&^(page-1), hot, unix.MADV_DONTNEED)
	advise(end, edata&^(page-1), unix.MADV_DONTNEED)
	var frame byte
	stack := (address(unsafe.Pointer(&frame)) - below) &^ (page - 1)
	advise(stack-deep, stack, unix.MADV_DONTNEED)
}

func advise(start, end uintptr, advice uintptr) {
	syscall6(unix.SYS_MADVISE, start, end-start, advice, 0, 0, 0)
}
