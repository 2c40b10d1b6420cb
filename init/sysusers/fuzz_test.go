package sysusers

import (
	"os"
	"strings"
	"testing"
)

// Whatever the lines are, the files are well formed, and a second time adds nothing.
func FuzzApply(f *testing.F) {
	for _, x := range examples {
		f.Add(x.lines)
	}
	f.Fuzz(func(t *testing.T, text string) {
		x := example{lines: text}
		root := x.plant(t)
		Apply(root, options())
		first := map[string]string{}
		for name, fields := range map[string]int{"passwd": 7, "group": 4, "shadow": 9, "gshadow": 4} {
			b, err := os.ReadFile(root + "/etc/" + name)
			if err != nil {
				t.Fatal(err)
			}
			first[name] = string(b)
			seen := map[string]bool{}
			for line := range strings.Lines(string(b)) {
				f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
				if len(f) != fields || f[0] == "" || seen[f[0]] {
					t.Errorf("%s: %q", name, line)
				}
				seen[f[0]] = true
			}
		}
		Apply(root, options())
		for name, text := range first {
			if b, _ := os.ReadFile(root + "/etc/" + name); string(b) != text {
				t.Errorf("a second time %s becomes %s, it was %s", name, b, text)
			}
		}
	})
}
