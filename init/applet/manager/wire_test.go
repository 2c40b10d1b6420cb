package manager

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/godbus/dbus/v5"
)

// FuzzKeys has strangers write the body of properties: there are keys or an error, and never a panic.
func FuzzKeys(f *testing.F) {
	m := dbus.Message{
		Type:    dbus.TypeMethodReply,
		Headers: map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(uint32(1)), dbus.FieldSignature: dbus.MakeVariant(dbus.ParseSignatureMust("a{sv}"))},
		Body:    []any{map[string]dbus.Variant{"A": dbus.MakeVariant([]string{"x"}), "B": dbus.MakeVariant(uint64(1))}},
	}
	var b bytes.Buffer
	if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
		f.Fatal(err)
	}
	_, body, err := frameLength(b.Bytes())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes()[body:])
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte("\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00A\x00\x01v\x00\x01v\x00\x01v\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		names, err := keys(data, binary.LittleEndian)
		if err == nil && len(names) > len(data) {
			t.Errorf("%d names in %d bytes", len(names), len(data))
		}
	})
}

func TestBusAddress(t *testing.T) {
	for list, want := range map[string]string{
		"unix:path=/run/x":                          "/run/x",
		"tcp:host=a;unix:guid=1,path=/run/a%20b%3b": "/run/a b;",
		"unix:abstract=/tmp/x,guid=2":               "@/tmp/x",
		"unix:path=/a%zz":                           "/a%zz",
		"":                                          "",
		"unixexec:path=/bin/x":                      "",
		"unix:runtime=yes":                          "",
	} {
		if got := busAddress(list); got != want {
			t.Errorf("%q: %q", list, got)
		}
	}
}
