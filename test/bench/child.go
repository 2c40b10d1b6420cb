package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"
)

// The children are written by this program. Their code stands in child_*.s as functions that nobody calls: it needs no stack frame, no data and
// no fixed address, so its bytes can be put into a file of their own.
type children struct {
	dir string

	exits   string // ends with status 0
	sleeps  string // writes a byte to stdout, and sleeps
	answers string // writes its CLOCK_MONOTONIC to stdout, two 64-bit words, and again for every USR1 that it takes
	orphans string // reads orders from stdin, and writes an answer to stdout for each of them: see order
}

// An order has the orphans child make orphans: it forks a child that forks a child and ends without waiting for it. Each time it has made batch of
// them it waits until its PID namespace has no process but the first and itself, not even a dead one.
type order struct{ total, batch int64 }

func code() (exits, sleeps, answers, orphans *byte)

// codeSize is more than the longest of them. What follows in this program's code goes along, and is never reached.
const codeSize = 384

func (c *children) write() (err error) {
	if c.dir, err = os.MkdirTemp("", "keelson-bench-"); err != nil {
		return err
	}
	exits, sleeps, answers, orphans := code()
	for _, f := range []struct {
		name string
		code *byte
		path *string
	}{
		{"exits", exits, &c.exits},
		{"sleeps", sleeps, &c.sleeps},
		{"answers", answers, &c.answers},
		{"orphans", orphans, &c.orphans},
	} {
		*f.path = filepath.Join(c.dir, f.name)
		if err := os.WriteFile(*f.path, executable(unsafe.Slice(f.code, codeSize)), 0o700); err != nil {
			return fmt.Errorf("%w (%w)", err, c.remove())
		}
	}
	return nil
}

func (c *children) remove() error { return os.RemoveAll(c.dir) }

// executable is the smallest ELF file that runs code: a header and one segment, which is the whole file (elf(5)).
func executable(code []byte) []byte {
	const base = 0x400000
	machine := elf.EM_X86_64
	if runtime.GOARCH == "arm64" {
		machine = elf.EM_AARCH64
	}
	head := elf.Header64{
		Ident:   [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:    uint16(elf.ET_EXEC),
		Machine: uint16(machine),
		Version: uint32(elf.EV_CURRENT),
		Phnum:   1,
	}
	segment := elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: base, Align: 0x10000}
	head.Ehsize, head.Phentsize = uint16(binary.Size(head)), uint16(binary.Size(segment))
	head.Phoff = uint64(head.Ehsize)
	before := head.Phoff + uint64(head.Phentsize)
	head.Entry = base + before
	segment.Filesz = before + uint64(len(code))
	segment.Memsz = segment.Filesz

	var file bytes.Buffer
	binary.Write(&file, binary.LittleEndian, head)
	binary.Write(&file, binary.LittleEndian, segment)
	file.Write(code)
	return file.Bytes()
}
