package manager

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errWire is a message that is shorter than it says, or nested deeper than D-Bus allows.
var errWire = errors.New("malformed D-Bus message")

// maxMessage is the longest message of D-Bus, in bytes.
const maxMessage = 1 << 27

// fixedHeader is the part of a message whose length is known before it is read, in bytes.
const fixedHeader = 16

func byteOrder(frame []byte) (binary.ByteOrder, error) {
	switch frame[0] {
	case 'l':
		return binary.LittleEndian, nil
	case 'B':
		return binary.BigEndian, nil
	}
	return nil, fmt.Errorf("%w: byte order %q", errWire, frame[0])
}

// frameLength is the length in bytes of the message that begins with head, and the place of its body in it.
func frameLength(head []byte) (whole, body int, err error) {
	order, err := byteOrder(head)
	if err != nil {
		return 0, 0, err
	}
	content, fields := uint64(order.Uint32(head[4:])), uint64(order.Uint32(head[12:]))
	start := (fixedHeader + fields + 7) &^ 7
	if start+content > maxMessage {
		return 0, 0, fmt.Errorf("%w: %d bytes", errWire, start+content)
	}
	return int(start + content), int(start), nil
}

// walker goes through the values of a body without making anything of them.
type walker struct {
	data  []byte
	pos   int
	order binary.ByteOrder
}

func (w *walker) take(n int) ([]byte, error) {
	if n < 0 || n > len(w.data)-w.pos {
		return nil, errWire
	}
	b := w.data[w.pos : w.pos+n]
	w.pos += n
	return b, nil
}

func (w *walker) align(n int) error {
	_, err := w.take((n - w.pos%n) % n)
	return err
}

func (w *walker) uint32() (int, error) {
	if err := w.align(4); err != nil {
		return 0, err
	}
	b, err := w.take(4)
	if err != nil {
		return 0, err
	}
	return int(w.order.Uint32(b)), nil
}

func (w *walker) text() (string, error) {
	n, err := w.uint32()
	if err != nil {
		return "", err
	}
	b, err := w.take(n)
	if err != nil {
		return "", err
	}
	_, err = w.take(1)
	return string(b), err
}

func (w *walker) signature() (string, error) {
	n, err := w.take(1)
	if err != nil {
		return "", err
	}
	b, err := w.take(int(n[0]))
	if err != nil {
		return "", err
	}
	_, err = w.take(1)
	return string(b), err
}

// alignments of D-Bus's types, and the lengths of those that have a fixed one; 0 has none.
var alignments = map[byte][2]int{
	'y': {1, 1}, 'n': {2, 2}, 'q': {2, 2}, 'b': {4, 4}, 'i': {4, 4}, 'u': {4, 4}, 'h': {4, 4}, 'x': {8, 8}, 't': {8, 8}, 'd': {8, 8},
	's': {4, 0}, 'o': {4, 0}, 'g': {1, 0}, 'a': {4, 0}, '(': {8, 0}, '{': {8, 0}, 'v': {1, 0},
}

// maxDepth is how deeply values may be nested: 32 arrays and 32 structures.
const maxDepth = 64

// skip passes over one value of the first type of sig, and returns the rest of sig.
func (w *walker) skip(sig string, depth int) (rest string, err error) {
	if sig == "" || depth > maxDepth {
		return "", errWire
	}
	a, ok := alignments[sig[0]]
	if !ok {
		return "", errWire
	}
	if err := w.align(a[0]); err != nil {
		return "", err
	}
	switch c := sig[0]; c {
	case 's', 'o':
		_, err = w.text()
	case 'g':
		_, err = w.signature()
	case 'v':
		var inner string
		if inner, err = w.signature(); err == nil {
			_, err = w.skip(inner, depth+1)
		}
	case 'a':
		return w.skipArray(sig[1:], depth)
	case '(', '{':
		rest = sig[1:]
		for rest != "" && rest[0] != ')' && rest[0] != '}' {
			if rest, err = w.skip(rest, depth+1); err != nil {
				return "", err
			}
		}
		if rest == "" {
			return "", errWire
		}
		return rest[1:], nil
	default:
		_, err = w.take(a[1])
	}
	return sig[1:], err
}

func (w *walker) skipArray(element string, depth int) (rest string, err error) {
	n, err := w.uint32()
	if err != nil {
		return "", err
	}
	if element == "" {
		return "", errWire
	}
	a, ok := alignments[element[0]]
	if !ok {
		return "", errWire
	}
	if err := w.align(a[0]); err != nil {
		return "", err
	}
	if _, err := w.take(n); err != nil {
		return "", err
	}
	return completeType(element, depth+1)
}

// completeType cuts one complete type off a signature.
func completeType(sig string, depth int) (rest string, err error) {
	switch {
	case sig == "" || depth > maxDepth:
		return "", errWire
	case sig[0] == 'a':
		return completeType(sig[1:], depth+1)
	case sig[0] != '(' && sig[0] != '{':
		return sig[1:], nil
	}
	for rest = sig[1:]; rest != "" && rest[0] != ')' && rest[0] != '}'; {
		if rest, err = completeType(rest, depth+1); err != nil {
			return "", err
		}
	}
	if rest == "" {
		return "", errWire
	}
	return rest[1:], nil
}

// keys are the keys of a body that is one a{sv}, in their order.
func keys(body []byte, order binary.ByteOrder) ([]string, error) {
	w := &walker{data: body, order: order}
	n, err := w.uint32()
	if err != nil {
		return nil, err
	}
	if err := w.align(8); err != nil {
		return nil, err
	}
	end := w.pos + n
	var names []string
	for w.pos < end {
		if err := w.align(8); err != nil {
			return nil, err
		}
		name, err := w.text()
		if err != nil {
			return nil, err
		}
		if _, err := w.skip("v", 0); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
