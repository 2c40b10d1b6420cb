package bus

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/godbus/dbus/v5"
)

// Where a message begins and ends (D-Bus specification, "Message Format"). What is in it is godbus's to read and write.

const (
	frameHead = 16 // bytes up to and with the length of the header's fields

	// messageMax is how long a message may be that we read. The longest that systemctl and systemd-run send are the properties
	// of a transient unit. Read into Go values, a message takes some twenty times its size.
	messageMax = 1 << 20

	// fdsMax is how many descriptors may come with one message (src/libsystemd/sd-bus/bus-internal.h allows as many).
	fdsMax = 16
)

var (
	errFrame     = errors.New("message: not the D-Bus wire format")
	errFrameLong = errors.New("message: too long")
)

// frameLength tells from the first frameHead bytes how long a message is.
func frameLength(head []byte) (int, error) {
	var order binary.ByteOrder
	switch head[0] {
	case 'l':
		order = binary.LittleEndian
	case 'B':
		order = binary.BigEndian
	default:
		return 0, errFrame
	}
	if head[3] != 1 {
		return 0, errFrame
	}
	fields, body := uint64(order.Uint32(head[12:])), uint64(order.Uint32(head[4:]))
	length := frameHead + (fields+7)&^7 + body
	if length > messageMax {
		return 0, errFrameLong
	}
	return int(length), nil
}

// decode reads one whole message. The descriptors stay the caller's.
func decode(frame []byte, fds []int) (*dbus.Message, error) {
	m, err := dbus.DecodeMessageWithFDs(bytes.NewReader(frame), fds)
	if err == nil && m.Serial() == 0 {
		err = errFrame
	}
	return m, err
}

// encode writes a message whose Signature is in its headers, with a serial of ours: godbus keeps that one to itself.
func encode(m *dbus.Message, serial uint32) (frame []byte, fds []int, err error) {
	var b bytes.Buffer
	if fds, err = m.EncodeToWithFDs(&b, binary.LittleEndian); err != nil {
		return nil, nil, err
	}
	frame = b.Bytes()
	binary.LittleEndian.PutUint32(frame[8:], serial)
	return frame, fds, nil
}
