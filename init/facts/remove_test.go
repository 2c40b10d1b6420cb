package facts

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

func TestRemoveDirectories(t *testing.T) {
	root := tree(t, map[string]string{
		"/run/a/b/c": "", "/run/a/out": "-> ../../precious", "/run/alias": "-> a", "/run/other/x": "", "/precious/x": "",
		"/var/lib/a/x": "", "/var/lib/private/a/x": "", "/etc/a/x": "",
	})
	x := &unit.ExecContext{DynamicUser: true}
	for k := range x.Directories {
		x.Directories[k].List = []unit.Directory{{Path: "a", Symlinks: []string{"alias"}}, {Path: "missing/deep"}}
	}
	f := &Facts{root: root}
	if err := f.RemoveDirectories(x, 1<<unit.RuntimeDirectory); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"/run/a": false, "/run/alias": false, "/run/other/x": true, "/precious/x": true, "/var/lib/a/x": true, "/etc/a/x": true,
	} {
		if _, err := os.Lstat(root + name); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.RemoveDirectories(x, 1<<unit.StateDirectory|1<<unit.ConfigurationDirectory|1<<7); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/var/lib/a", "/var/lib/private/a", "/etc/a"} {
		if _, err := os.Lstat(root + name); !os.IsNotExist(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRemoveMounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes bind mounts")
	}
	root := tree(t, map[string]string{"/run/a/m/": "", "/run/a/x": "", "/precious/x": ""})
	if err := unix.Mount(root+"/precious", root+"/run/a/m", "", unix.MS_BIND, ""); err != nil {
		t.Skipf("no mount is allowed here: %v", err)
	}
	defer unix.Unmount(root+"/run/a/m", unix.MNT_DETACH)
	x := &unit.ExecContext{}
	x.Directories[unit.RuntimeDirectory].List = []unit.Directory{{Path: "a"}}
	if err := (&Facts{root: root}).RemoveDirectories(x, 1); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(root + "/precious/x"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(root + "/run/a/x"); !os.IsNotExist(err) {
		t.Errorf("beside the mount: %v", err)
	}
}
