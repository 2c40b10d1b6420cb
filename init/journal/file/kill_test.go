package file

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestMain lets the test binary play a writer that is going to be killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("KEELSON_PLAY_WRITER"); path != "" {
		play(path)
		return
	}
	os.Exit(m.Run())
}

// play writes until it is killed or the file is full; after each batch it says how many entries are in.
func play(path string) {
	w, err := Create(path, testOptions)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		if err := appendTest(w, i); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Stdout.WriteString(strconv.Itoa(i+1) + "\n")
	}
}

// TestKill kills a writer at random moments: the file is whole and has all that was appended.
func TestKill(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	journalctl, _ := exec.LookPath("journalctl")
	for round := range rounds {
		path := filepath.Join(t.TempDir(), "system.journal")
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "KEELSON_PLAY_WRITER="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		last := 0
		// The moment is by what was written, and a part of a write more.
		for last < 1+round*37 && lines.Scan() {
			last, _ = strconv.Atoi(lines.Text())
		}
		for begin := time.Now(); time.Since(begin) < time.Duration(round)*time.Microsecond; {
		}
		cmd.Process.Kill()
		for lines.Scan() {
			last, _ = strconv.Atoi(lines.Text())
		}
		cmd.Wait()
		if last == 0 {
			t.Fatal("the writer wrote nothing")
		}
		if err := verify(t, path); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if journalctl != "" {
			if out, err := exec.Command(journalctl, "--verify", "--file", path).CombinedOutput(); err != nil {
				t.Fatalf("round %d: journalctl --verify: %v\n%s", round, err, out)
			}
		}
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := r.Entries(); n < uint64(last) {
			t.Errorf("round %d: %d entries of %d", round, n, last)
		}
		r.Close()
	}
	t.Logf("%d files; journalctl: %q", rounds, journalctl)
}

func verify(t *testing.T, path string) error {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	return r.Verify()
}
