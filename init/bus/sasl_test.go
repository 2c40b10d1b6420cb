package bus

import (
	"slices"
	"strings"
	"testing"
)

const guid = "0123456789abcdef0123456789abcdef"

// TestHandshake is what clients say and what they hear. "|" is where one read ends and the next begins, "." what follows BEGIN.
func TestHandshake(t *testing.T) {
	const ok = "OK " + guid + "\r\n"
	for _, test := range []struct {
		name string
		uid  uint32
		in   string
		out  string
		rest string
		done bool
		fds  bool
		err  error
	}{
		{name: "sd-bus: all at once, an empty round", in: "\x00AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nl\x01", out: "DATA\r\n" + ok + "AGREE_UNIX_FD\r\n", rest: "l\x01", done: true, fds: true},
		{name: "godbus: with an initial response", in: "\x00AUTH EXTERNAL 30\r\n|NEGOTIATE_UNIX_FD\r\n|BEGIN\r\n", out: ok + "AGREE_UNIX_FD\r\n", done: true, fds: true},
		{name: "without descriptors", in: "\x00AUTH EXTERNAL 30\r\nBEGIN\r\n.", out: ok, rest: ".", done: true},
		{name: "libdbus asks first", in: "\x00AUTH\r\n|AUTH EXTERNAL 30\r\n|BEGIN\r\n", out: "REJECTED EXTERNAL\r\n" + ok, done: true},
		{name: "the user in the second round", uid: 1000, in: "\x00AUTH EXTERNAL\r\nDATA 31303030\r\nBEGIN\r\n", out: "DATA\r\n" + ok, done: true},
		{name: "byte by byte", in: "\x00|A|U|T|H| EXTERNAL\r|\n|DATA\r|\n|BEGIN\r|\nx", out: "DATA\r\n" + ok, rest: "x", done: true},
		{name: "another user", in: "\x00AUTH EXTERNAL 31\r\n", out: "REJECTED EXTERNAL\r\n"},
		{name: "another user, then begin", in: "\x00AUTH EXTERNAL 31\r\nBEGIN\r\n", out: "REJECTED EXTERNAL\r\n", err: errBegin},
		{name: "no number", in: "\x00AUTH EXTERNAL 7a\r\n", out: "REJECTED EXTERNAL\r\n"},
		{name: "odd hexadecimal digits", in: "\x00AUTH EXTERNAL 3\r\n", out: "REJECTED EXTERNAL\r\n"},
		{name: "another mechanism", in: "\x00AUTH DBUS_COOKIE_SHA1 30\r\nAUTH ANONYMOUS\r\n", out: "REJECTED EXTERNAL\r\nREJECTED EXTERNAL\r\n"},
		{name: "data before auth", in: "\x00DATA 30\r\n", out: "ERROR\r\n"},
		{name: "descriptors before auth", in: "\x00NEGOTIATE_UNIX_FD\r\n", out: "ERROR\r\n"},
		{name: "cancelled", in: "\x00AUTH EXTERNAL\r\nCANCEL\r\nAUTH EXTERNAL 30\r\nBEGIN\r\n", out: "DATA\r\nREJECTED EXTERNAL\r\n" + ok, done: true},
		{name: "cancelled after descriptors", in: "\x00AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nERROR\r\nAUTH EXTERNAL 30\r\nBEGIN\r\n", out: ok + "AGREE_UNIX_FD\r\nREJECTED EXTERNAL\r\n" + ok, done: true},
		{name: "nonsense goes on", in: "\x00HELLO\r\n\r\nAUTH EXTERNAL 30\r\nBEGIN\r\n", out: "ERROR\r\nERROR\r\n" + ok, done: true},
		{name: "begin at once", in: "\x00BEGIN\r\n", err: errBegin},
		{name: "no NUL", in: "AUTH EXTERNAL\r\n", err: errNoNUL},
		{name: "a lone line feed is no end", in: "\x00AUTH EXTERNAL 30\nBEGIN\r\n", out: "REJECTED EXTERNAL\r\n"},
		{name: "an endless line", in: "\x00" + strings.Repeat("A", authBytesMax+1), err: errAuthLong},
		{name: "endless lines", in: "\x00" + strings.Repeat("AUTH\r\n", authBytesMax/6+1), out: strings.Repeat("REJECTED EXTERNAL\r\n", authBytesMax/6), err: errAuthLong},
		{name: "nothing at all"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := handshake{uid: test.uid, guid: guid}
			var out, rest []byte
			var done bool
			var err error
			for _, read := range strings.Split(test.in, "|") {
				var o []byte
				o, rest, done, err = h.feed([]byte(read))
				out = append(out, o...)
				if err != nil || done {
					break
				}
			}
			if string(out) != test.out || string(rest) != test.rest || done != test.done || h.fds != test.fds || err != test.err {
				t.Errorf("out %q rest %q done %v fds %v err %v", out, rest, done, h.fds, err)
			}
		})
	}
}

// FuzzHandshake: what a client says is the same in whichever pieces it comes, and never makes it another user.
func FuzzHandshake(f *testing.F) {
	for _, s := range []string{"\x00AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nrest", "\x00AUTH EXTERNAL 31303030\r\nBEGIN\r\n", "\x00\r\n\r\r\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		whole := handshake{uid: 1000, guid: guid}
		out, rest, done, err := whole.feed(slices.Clone(in))
		pieces := handshake{uid: 1000, guid: guid}
		var out2, rest2 []byte
		var done2 bool
		var err2 error
		for at := 0; at < len(in) && err2 == nil && !done2; {
			end := min(at+1+int(cut)%17, len(in))
			var o []byte
			o, rest2, done2, err2 = pieces.feed(slices.Clone(in[at:end]))
			out2 = append(out2, o...)
			at = end
			if done2 {
				rest2 = append(rest2, in[at:]...)
			}
		}
		if string(out) != string(out2) || string(rest) != string(rest2) || done != done2 || (err == nil) != (err2 == nil) {
			t.Fatalf("whole %q %q %v %v, in pieces %q %q %v %v", out, rest, done, err, out2, rest2, done2, err2)
		}
		if done && whole.state != authGood {
			t.Fatal("it began without being good")
		}
	})
}
