package unit

import (
	"reflect"
	"testing"
)

// Units share the contexts of which their files say nothing. That is right as long as directives of other groups say nothing of them
// either, whatever their values are.
func TestShare(t *testing.T) {
	base := map[Type]string{
		TypeService: "[Service]\nExecStart=/bin/a\n", TypeSocket: "[Socket]\nListenStream=9\nService=x.service\n", TypeTimer: "[Timer]\nOnBootSec=1\n",
		TypePath: "[Path]\nPathExists=/x\n", TypeMount: "[Mount]\nWhat=a\nWhere=/a\n", TypeSwap: "[Swap]\nWhat=/a\n",
		TypeScope: "[Scope]\n", TypeAutomount: "[Automount]\nWhere=/a\n", TypeTarget: "", TypeSlice: "[Slice]\n",
	}
	load := func(typ Type, text string) *Unit {
		tree := &Tree{}
		tree.AddFile("/etc/systemd/system/a."+typ.String(), text)
		l := NewLoader(tree, DefaultHost())
		l.Scan()
		u, _ := l.Load("a." + typ.String())
		return u
	}
	values := []string{"yes", "1", "/x", "a.service", "SIGTERM", "notify", "mixed"}
	plain := map[Type]*Unit{}
	for typ, text := range base {
		plain[typ] = load(typ, text)
	}
	seen := 0
	for d := range Directives() {
		if d.part != 0 {
			continue
		}
		for typ, text := range base {
			if d.Section != typ.Section() && d.Section != "Unit" {
				continue
			}
			for _, v := range values {
				u := load(typ, text+"["+d.Section+"]\n"+d.Name+"="+v+"\n")
				if u.LoadState != Loaded {
					continue
				}
				seen++
				if !reflect.DeepEqual(u.Exec, plain[typ].Exec) || !reflect.DeepEqual(u.Cgroup, plain[typ].Cgroup) {
					t.Errorf("%s=%s of [%s] changes what units share", d.Name, v, d.Section)
				}
			}
		}
	}
	if seen < 1000 {
		t.Errorf("%d units only", seen)
	}
}

func TestShared(t *testing.T) {
	tree := &Tree{}
	for name, text := range map[string]string{
		"a.service": "", "b.service": "", "nice.service": "Nice=5\n", "cpu.service": "CPUWeight=5\n", "slice.service": "Slice=x.slice\n",
		"i@.service": "",
	} {
		tree.AddFile("/etc/systemd/system/"+name, "[Service]\nExecStart=/bin/a\n"+text)
	}
	l := NewLoader(tree, DefaultHost())
	l.Scan()
	get := func(name string) *Unit {
		u, _ := l.Load(name)
		return u
	}
	a := get("a.service")
	for _, c := range []struct {
		name         string
		exec, cgroup bool
	}{
		{"b.service", true, true}, {"nice.service", false, false}, {"cpu.service", true, false}, {"slice.service", true, false},
		{"i@1.service", true, false},
	} {
		u := get(c.name)
		if (u.Exec == a.Exec) != c.exec || (u.Cgroup == a.Cgroup) != c.cgroup {
			t.Errorf("%s shares its exec context: %v, its resource control: %v", c.name, u.Exec == a.Exec, u.Cgroup == a.Cgroup)
		}
	}
	if get("i@1.service").Cgroup != get("i@2.service").Cgroup {
		t.Error("instances of one template do not share")
	}
	l.Defaults.Output = OutputNull
	l.Scan()
	if get("b.service").Exec == a.Exec {
		t.Error("other defaults, the same context")
	}
}
