package boot

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPopulate: a first boot enables what a preset names and nobody has enabled, and changes nothing else.
func TestPopulate(t *testing.T) {
	const service, socket = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n", "[Socket]\nListenStream=/run/x\n[Install]\nWantedBy=sockets.target\n"
	units := map[string]string{
		"/usr/lib/systemd/system/ssh.service": service, "/usr/lib/systemd/system/ssh.socket": socket, "/usr/lib/systemd/system/web.service": service,
		"/usr/lib/systemd/system/off.service": service, "/usr/lib/systemd/system/w@.service": service, "/etc/systemd/system/hidden.service": "-> /dev/null",
		"/usr/lib/systemd/system/hidden.service": service, "/usr/lib/systemd/system/static.service": "[Service]\nExecStart=/bin/true\n",
		"/usr/lib/systemd/system/clash.service": "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=blocked.target\n", "/etc/systemd/system/blocked.target.wants": "no folder",
		"/etc/systemd/system/multi-user.target.wants/ssh.service": "-> /usr/lib/systemd/system/ssh.service",
	}
	const wants = "/etc/systemd/system/multi-user.target.wants/"
	for _, c := range []struct {
		why     string
		presets map[string]string
		made    []string
		says    string
	}{
		{"no presets", nil, nil, ""},
		{"nothing is enabled that no line names", map[string]string{"/usr/lib/systemd/system-preset/90-x.preset": "disable off.service\n"}, nil, ""},
		{"named", map[string]string{"/usr/lib/systemd/system-preset/90-x.preset": "# web\nenable web.service\nenable hidden.service\nenable static.service\nenable none.service\ndisable ssh.service\n"},
			[]string{wants + "web.service"}, "preset unit settings: web.service"},
		{"the first line decides", map[string]string{"/usr/lib/systemd/system-preset/90-x.preset": "enable *.service\n", "/etc/systemd/system-preset/10-y.preset": "disable o*.service\ndisable c*\n"},
			[]string{wants + "web.service"}, ": web.service"},
		{"a file of the same name in /etc wins", map[string]string{"/usr/lib/systemd/system-preset/90-x.preset": "enable web.service\n", "/etc/systemd/system-preset/90-x.preset": "-> /dev/null"}, nil, ""},
		{"instances", map[string]string{"/usr/lib/systemd/system-preset/90-x.preset": "enable w@.service a b\n"}, []string{wants + "w@a.service", wants + "w@b.service"}, ": w@.service"},
		{"one that cannot be", map[string]string{"/usr/lib/systemd/system-preset/90-x.preset": "enable clash.service\nenable web.service\n"}, []string{wants + "web.service"}, "Failed to populate"},
	} {
		root := t.TempDir()
		for _, files := range []map[string]string{units, c.presets} {
			for name, text := range files {
				name = filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				var err error
				if target, link := strings.CutPrefix(text, "-> "); link {
					err = os.Symlink(target, name)
				} else {
					err = os.WriteFile(name, []byte(text), 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		before := linksBelow(t, root)
		notices := strings.Join(populate(root), "\n")
		if !strings.Contains(notices, c.says) || c.says == "" && notices != "" {
			t.Errorf("%s: %q", c.why, notices)
		}
		after := linksBelow(t, root)
		made := slices.DeleteFunc(slices.Clone(after), func(l string) bool { return slices.Contains(before, l) })
		if !slices.Equal(made, c.made) || len(after) != len(before)+len(made) {
			t.Errorf("%s: made %q, not %q; before %q, after %q", c.why, made, c.made, before, after)
		}
		if again := populate(root); len(again) > 0 && !strings.Contains(c.says, "Failed") {
			t.Errorf("%s: again %q", c.why, again)
		}
	}
}

func linksBelow(t *testing.T, root string) (list []string) {
	err := filepath.WalkDir(root+"/etc", func(name string, d os.DirEntry, err error) error {
		if err == nil && d.Type()&os.ModeSymlink != 0 {
			list = append(list, strings.TrimPrefix(name, root))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
