package loop

import (
	"golang.org/x/sys/unix"

	"keelson/supervise"
)

// descriptors is the machine's handles and the kernel's numbers. Handles are not used twice, so that one that is late means nothing.
type descriptors struct {
	last  supervise.FD
	table map[supervise.FD]int
}

func newDescriptors() descriptors { return descriptors{table: map[supervise.FD]int{}} }

// keep gives a descriptor a handle. From here on it is the table's.
func (d *descriptors) keep(fd int) supervise.FD {
	d.last++
	d.table[d.last] = fd
	return d.last
}

func (d *descriptors) keepAll(fds []int) []supervise.FD {
	var list []supervise.FD
	for _, fd := range fds {
		list = append(list, d.keep(fd))
	}
	return list
}

// number is the kernel's, -1 if there is none.
func (d *descriptors) number(h supervise.FD) int {
	if fd, ok := d.table[h]; ok {
		return fd
	}
	return -1
}

// close closes a descriptor for good.
func (d *descriptors) close(h supervise.FD) {
	if fd, ok := d.table[h]; ok {
		delete(d.table, h)
		unix.Close(fd)
	}
}
