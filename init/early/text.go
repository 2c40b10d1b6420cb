package early

import "unsafe"

// Strings of the kernel's (cstr) are read where they lie. What is printed is put together in a message first, so that one line is one
// write(2) and lines of several processes don't mix.

// at is the element i of a NULL-terminated array such as argv.
func at(array *cstr, i int) cstr {
	return *(*cstr)(unsafe.Add(unsafe.Pointer(array), i*8))
}

func setAt(array *cstr, i int, to cstr) {
	*(*uintptr)(unsafe.Add(unsafe.Pointer(array), i*8)) = address(unsafe.Pointer(to)) // a pointer store would want a write barrier
}

func from(array *cstr, i int) *cstr {
	return (*cstr)(unsafe.Add(unsafe.Pointer(array), i*8))
}

func byteAt(s cstr, i int) byte { return *(*byte)(unsafe.Add(unsafe.Pointer(s), i)) }

func skip(s cstr, n int) cstr { return (*byte)(unsafe.Add(unsafe.Pointer(s), n)) }

func length(s cstr) int {
	n := 0
	for byteAt(s, n) != 0 {
		n++
	}
	return n
}

func hasPrefix(s cstr, prefix string) bool {
	for i := 0; i < len(prefix); i++ {
		if byteAt(s, i) != prefix[i] {
			return false
		}
	}
	return true
}

func equal(s cstr, to string) bool { return hasPrefix(s, to) && byteAt(s, len(to)) == 0 }

func hasSlash(s cstr) bool {
	for i := 0; byteAt(s, i) != 0; i++ {
		if byteAt(s, i) == '/' {
			return true
		}
	}
	return false
}

// base is the part of a path behind its last slash.
func base(s cstr) cstr {
	b := s
	for i := 0; byteAt(s, i) != 0; i++ {
		if byteAt(s, i) == '/' {
			b = skip(s, i+1)
		}
	}
	return b
}

// lookup is the value of an environment variable, nil if it is not set. name ends in "=".
func lookup(envp *cstr, name string) cstr {
	for i := 0; at(envp, i) != nil; i++ {
		if hasPrefix(at(envp, i), name) {
			return skip(at(envp, i), len(name))
		}
	}
	return nil
}

// number reads decimal digits: the value, and how many bytes it took, 0 if there is no digit or it is over 2^40.
func number(s cstr) (value, n int) {
	for byteAt(s, n) >= '0' && byteAt(s, n) <= '9' {
		value = value*10 + int(byteAt(s, n)-'0')
		if value > 1<<40 {
			return 0, 0
		}
		n++
	}
	return value, n
}

// signed is number with white space and a sign before it, as strtol(3) and scanf's %d read it.
func signed(s cstr) (value, n int) {
	for byteAt(s, n) == ' ' || byteAt(s, n) >= '\t' && byteAt(s, n) <= '\r' {
		n++
	}
	sign := 1
	switch byteAt(s, n) {
	case '-':
		sign = -1
		n++
	case '+':
		n++
	}
	value, digits := number(skip(s, n))
	if digits == 0 {
		return 0, 0
	}
	return sign * value, n + digits
}

// message is a line on its way to a file descriptor. Every method returns the message, so that a line reads as one.
type message struct {
	fd  int32
	n   int
	buf [480]byte
}

func (m *message) byte(b byte) *message {
	if m.n >= len(m.buf) {
		m.flush()
	}
	if i := m.n; uint(i) < uint(len(m.buf)) {
		m.buf[i] = b
		m.n = i + 1
	}
	return m
}

func (m *message) flush() {
	write(m.fd, &m.buf[0], m.n)
	m.n = 0
}

func (m *message) str(s string) *message {
	for i := 0; i < len(s); i++ {
		m.byte(s[i])
	}
	return m
}

func (m *message) cstr(s cstr) *message {
	for i := 0; byteAt(s, i) != 0; i++ {
		m.byte(byteAt(s, i))
	}
	return m
}

func (m *message) num(n int) *message {
	if n < 0 {
		m.byte('-')
		n = -n
	}
	var digits [20]byte
	i := len(digits)
	for more := true; more && i > 0; more = n > 0 {
		i--
		digits[i] = byte('0' + uint(n)%10)
		n = int(uint(n) / 10)
	}
	for ; i < len(digits); i++ {
		m.byte(digits[i])
	}
	return m
}

func (m *message) errno(e errno) *message {
	if t := e.text(); t[0] != 'U' {
		return m.str(t)
	}
	return m.str("Unknown error ").num(int(e))
}

// end writes the line.
func (m *message) end() {
	m.byte('\n').flush()
}

const (
	stdout = 1
	stderr = 2
)

// print writes text as it is.
func print(fd int32, text string) { write(fd, unsafe.StringData(text), len(text)) }

// putNumber writes n, which is not negative, in decimal and a NUL into buf, which has room for it.
func putNumber(buf cstr, n int32) {
	width := 1
	for rest := uint32(n) / 10; rest > 0; rest /= 10 {
		width++
	}
	*skip(buf, width) = 0
	for rest := uint32(n); width > 0; rest /= 10 {
		width--
		*skip(buf, width) = byte('0' + rest%10)
	}
}
