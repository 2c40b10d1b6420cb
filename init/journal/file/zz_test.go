package file

import (
	"os"
	"strconv"
	"testing"
)

func TestZZ(t *testing.T) {
	p := os.Getenv("ZZ")
	if p == "" {
		t.Skip("no ZZ")
	}
	os.Remove(p)
	n, _ := strconv.Atoi(os.Getenv("ZN"))
	w := write(t, p, testOptions, n)
	if os.Getenv("ZA") != "" {
		if err := w.Archive(); err != nil {
			t.Fatal(err)
		}
	}
}
