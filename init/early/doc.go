// Package early is the part of keelson that runs before the Go runtime does.
//
// The linker's -E option makes keelson_entry, a few lines of assembly, the entry point of the binary. It gives the
// thread the little that compiled Go code takes for granted (a g whose stack bound is 0, found through thread-local
// storage on amd64 and through R28 on arm64), and calls start. start looks at argv[0] and argv[1]:
//
//   - a wrapper (keelson CMD, tini, dumb-init, catatonit) or the exec stage is carried out here, and the process ends
//     here: the runtime never starts, there is one thread, and some 40 KiB of memory;
//   - everything else (keelson run, ns, pause …) returns, and the entry jumps to the runtime's own entry as if nothing
//     had been. What the runtime is about to overwrite, the signal dispositions and the mask that this process was
//     started with, is kept for Inherited.
//
// # Vocabulary
//
// command: what the wrapper runs. Its process is the main child. A wrapper has one persona, whose contract it keeps to
// the letter. A stop is the time between the first TERM or INT from a process and the end, when --grace or --drain
// was given; leftovers are the processes that are there when the command has ended. A list is what the exec stage runs:
// system calls in order, the last of which is execve.
//
// # Laws
//
// There is no runtime, so no code here may need one: no heap, no maps, no interfaces, no closures, no defer, no fmt;
// fixed buffers and raw system calls. A string is compared and copied byte by byte. Whatever escapes to the heap, grows
// a map or converts to an interface compiles into a call to the runtime, and the disassembly test of this package fails
// on any such call. The stack never moves, so an address may be held in a uintptr.
//
// Memory that is not touched costs nothing: the hot path (wait, reap, forward) reads no table and no string.
package early
