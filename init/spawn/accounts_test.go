package spawn

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestAccounts(t *testing.T) {
	d := newAccounts("testdata/etc")
	for _, tt := range []struct {
		name string
		want account
		ok   bool
	}{
		{"root", account{"root", 0, 0, "/root", "/bin/bash"}, true},
		{"0", account{"root", 0, 0, "/root", "/bin/bash"}, true},
		{"alice", account{"alice", 1000, 1000, "/home/alice", "/bin/bash"}, true},
		{"1000", account{"alice", 1000, 1000, "/home/alice", "/bin/bash"}, true},
		{"bob", account{"bob", 1001, 1001, "", ""}, true},          // its home is /, its shell none
		{"daemon", account{"daemon", 1, 1, "/usr/sbin", ""}, true}, // no shell
		{"nobody", account{"nobody", 65534, 65534, "", ""}, true},  // whatever the file says
		{"4711", account{"4711", 4711, 4711, "", ""}, true},        // not in the file
		{"broken", account{}, false},                               // its id is no number
		{"+@nis", account{}, false},                                // not a user but a way to say NIS
		{"# a comment", account{}, false},
		{"65535", account{}, false}, // no id
		{"", account{}, false},
	} {
		if got, err := d.user(tt.name, "/bin/bash"); (err == nil) != tt.ok || got != tt.want {
			t.Errorf("%q: %+v, %v; want %+v", tt.name, got, err, tt.want)
		}
	}
	for name, want := range map[string]int{"root": 0, "bin": 2, "2": 2, "4711": 4711, "nogroup": 65534, "none": -1, "65535": -1} {
		got, err := d.group(name)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("group %s is %d, %v; want %d", name, got, err, want)
		}
	}
	if got, err := d.memberships("alice", 1000); err != nil || !slices.Equal(got, []int{1000, 1, 2}) {
		t.Errorf("alice is in %d, %v", got, err)
	}
}

// TestAccountsChange: a file is read again when it has changed, and one that is not there has nobody in it.
func TestAccountsChange(t *testing.T) {
	dir := t.TempDir()
	d := newAccounts(dir)
	if _, found, err := d.findUser("x"); found || err != nil {
		t.Errorf("without a file: %v, %v", found, err)
	}
	write := func(text string) {
		t.Helper()
		next := filepath.Join(dir, "next")
		if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(dir, "passwd")); err != nil {
			t.Fatal(err)
		}
	}
	for _, uid := range []int{7, 8} {
		write("x:x:" + string(rune('0'+uid)) + ":9::/:/bin/sh\n")
		if a, found, err := d.findUser("x"); !found || err != nil || a.uid != uid {
			t.Errorf("%+v, %v, %v; want uid %d", a, found, err, uid)
		}
	}
	if err := os.Remove(filepath.Join(dir, "passwd")); err != nil {
		t.Fatal(err)
	}
	if _, found, err := d.findUser("x"); found || err != nil {
		t.Errorf("after the file: %v, %v", found, err)
	}
}
