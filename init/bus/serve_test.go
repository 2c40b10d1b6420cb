package bus

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestServe serves a world to a real systemctl, by hand: with KEELSON_BUS_SERVE=/run/systemd/private, in a container whose systemctl
// is to be tried, until standard input ends. Files named as arguments of the test binary are its units.
func TestServe(t *testing.T) {
	path := os.Getenv("KEELSON_BUS_SERVE")
	if path == "" {
		t.Skip("KEELSON_BUS_SERVE is not set: there is no systemctl to serve")
	}
	units := map[string]string{}
	for _, file := range strings.Fields(os.Getenv("KEELSON_BUS_UNITS")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		units[file[strings.LastIndexByte(file, '/')+1:]] = string(text)
	}
	w := newWorld(t, units)
	os.Remove(path)
	w.socket = path
	w.listen()
	fmt.Println("serving on", path)
	var b [1]byte
	for {
		if n, err := os.Stdin.Read(b[:]); n == 0 || err != nil {
			return
		}
	}
}
