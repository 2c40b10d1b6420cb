package unit

import (
	"reflect"
	"testing"
)

func TestReadInstall(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Install
		remarks    []string
		err        string
	}{
		{"a.service", "[Unit]\nWants=x\n[Install]\nWantedBy=a.target  b.target\nWantedBy=%i.target\nAlias=c.service\n[Service]\nAlias=d.service\n",
			Install{WantedBy: []string{"a.target", "b.target", "%i.target"}, Alias: []string{"c.service"}}, nil, ""},
		{"a.service", "[Install]\nWantedBy=a.target\nWantedBy=\nRequiredBy=\"b.target\" c.target\nAlso=x.socket\nAlso=\n",
			Install{RequiredBy: []string{"b.target", "c.target"}, Also: []string{"x.socket"}}, nil, ""},
		{"a@.service", "[Install]\nDefaultInstance=x%p\nUpheldBy=u.target\n", Install{DefaultInstance: "x%p", UpheldBy: []string{"u.target"}}, nil, ""},
		{"a@b.service", "[Install]\nDefaultInstance=x\n", Install{}, nil, ""},
		{"a@.service", "[Install]\nDefaultInstance=\n", Install{}, nil, ""},
		{"a@.service", "[Install]\nDefaultInstance=x/y\nAlias=b@.service\n", Install{}, []string{"f:2: Invalid DefaultInstance= value \"x/y\"."}, "Invalid argument"},
		{"a.service", "[Install]\nDefaultInstance=x\n", Install{}, []string{"f:2: DefaultInstance= only makes sense for template units, ignoring."}, ""},
		{"a.mount", "[Install]\nAlias=b.mount\n", Install{}, []string{"f:2: Alias= is not allowed for mount units, ignoring."}, ""},
		{"a.service", "[Install]\nWantsBy=b\nX-Mine=c\n[X-Other]\nx=y\n[service]\n", Install{},
			[]string{"f:2: Unknown key 'WantsBy' in section [Install], ignoring.", "f:6: Unknown section 'service'. Ignoring."}, ""},
		{"a.service", "[Install]\nWantedBy=\"a\n", Install{}, []string{"f:2: Invalid syntax, ignoring: \"a"}, ""},
		{"a.service", "[Install]\nWantedBy=a.target\n[Install\n", Install{WantedBy: []string{"a.target"}}, []string{"f:3: Invalid section header '[Install'"}, "Bad message"},
	} {
		var got Install
		list, err := got.ReadInstall(tt.name, "f", tt.text)
		var remarks []string
		for _, d := range list {
			remarks = append(remarks, d.String())
		}
		text := ""
		if err != nil {
			text = err.Error()
		}
		if !reflect.DeepEqual(got, tt.want) || !reflect.DeepEqual(remarks, tt.remarks) || text != tt.err {
			t.Errorf("%q:\nis   %+v %q %q\nwant %+v %q %q", tt.text, got, remarks, text, tt.want, tt.remarks, tt.err)
		}
	}
}

func TestExpandInstall(t *testing.T) {
	host := &Host{Hostname: "h.example", MachineID: "0123", Architecture: "x86-64"}
	for _, tt := range []struct{ word, name, instance, want, err string }{
		{"%i", "a@b.service", "x", "b", ""}, {"%i", "a@.service", "x", "x", ""}, {"%i", "a@.service", "", "", ""}, {"%i", "a.service", "", "", ""},
		{"%n", "a@.service", "x", "a@x.service", ""}, {"%n", "a@.service", "", "a@.service", ""}, {"%N", "a@.service", "x", "a@x", ""},
		{"%N", "a@.service", "", "a@", ""}, {"%p-%j.target", "u-v@w.service", "", "u-v-v.target", ""}, {"%m%%%l", "a.service", "", "0123%h", ""},
		{"%z", "a.service", "", "", "Invalid slot"}, {"%o", "a.service", "", "", "Protocol driver not attached"},
		{"%b", "a.service", "", "", "No such file or directory"}, {"%n", "a@.service", "x/y", "", "Invalid argument"},
	} {
		got, err := ExpandInstall(tt.word, host, tt.name, tt.instance)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tt.want || text != tt.err {
			t.Errorf("%s of %s: %q %q, want %q %q", tt.word, tt.name, got, text, tt.want, tt.err)
		}
	}
}

func FuzzReadInstall(f *testing.F) {
	f.Add("a@.service", "[Install]\nAlias=b@%i.service \"x\nDefaultInstance=1\nAlso=\\\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		var i Install
		_, _ = i.ReadInstall(name, "f", text)
		for _, w := range i.Alias {
			_, _ = ExpandInstall(w, &Host{}, name, i.DefaultInstance)
		}
	})
}
