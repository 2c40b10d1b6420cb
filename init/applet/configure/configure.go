// Package configure is systemd-tmpfiles(8) and systemd-sysusers(8), for images that have neither: what packages' maintainer scripts call.
package configure

import (
	"io"
	"time"

	"keelson/init/applet"
	"keelson/init/facts"
	"keelson/init/rootdir"
	"keelson/init/sysusers"
	"keelson/init/tmpfiles"
	"keelson/supervise/unit"
)

const tmpfilesHelp = `[OPTIONS...] [CONFIGURATION FILE...]

Creates and removes files and directories as tmpfiles.d(5) says.

  -h --help               this text
     --version            the version
     --create             create, adjust and write what the lines say
     --remove             remove what the lines mark for it
     --clean              accepted: nothing is removed for its age
     --boot               lines with "!", too
     --prefix=PATH        only paths below PATH; repeatable
     --exclude-prefix=PATH  no paths below PATH; repeatable
     --root=PATH          in the tree below PATH
`

const sysusersHelp = `[OPTIONS...] [CONFIGURATION FILE...]

Makes the users and groups that sysusers.d(5) says.

  -h --help               this text
     --version            the version
     --root=PATH          in the tree below PATH
`

// Exit statuses: 65 for a line that is wrong, 73 for what could not be made (systemd-tmpfiles(8), "Exit status").
const (
	exitData     = 65
	exitCantMake = 73
)

// Tmpfiles is systemd-tmpfiles. args[0] is the name it was called by; the result is the exit status.
func Tmpfiles(args []string, h *applet.Host) int {
	h.Called(args[0])
	root, clean := "/", false
	o := tmpfiles.Options{Host: facts.New(facts.Options{}).Host()}
	collect := func(list *[]string) func(string) error {
		return func(s string) error { *list = append(*list, s); return nil }
	}
	files, status, done := read(h, args[1:], tmpfilesHelp,
		applet.Switch("create", 0, func() { o.Create = true }),
		applet.Switch("remove", 0, func() { o.Remove = true }),
		applet.Switch("clean", 0, func() { clean = true }),
		applet.Switch("boot", 0, func() { o.Boot = true }),
		applet.Value("prefix", 0, collect(&o.Prefixes)),
		applet.Value("exclude-prefix", 0, collect(&o.Exclude)),
		applet.Into("root", 0, &root),
	)
	if done {
		return status
	}
	if !o.Create && !o.Remove && !clean {
		h.Errorf("You need to specify at least one of --clean, --create or --remove.")
		return 1
	}
	o.Files = files
	return tell(h, tmpfiles.Apply(root, o))
}

// Sysusers is systemd-sysusers, in the same way.
func Sysusers(args []string, h *applet.Host) int {
	h.Called(args[0])
	root := "/"
	files, status, done := read(h, args[1:], sysusersHelp, applet.Into("root", 0, &root))
	if done {
		return status
	}
	return tell(h, sysusers.Apply(root, sysusers.Options{Host: facts.New(facts.Options{}).Host(), Files: files, Wait: 15 * time.Second}))
}

// read reads the options; done is set where the program is not to go on. "-" among the files is standard input, which takes a file here, too.
func read(h *applet.Host, args []string, help string, settings ...applet.Setting) (files []string, status int, done bool) {
	rest, status, ok := h.Read(args, append(h.About(help), settings...), applet.Permute)
	if !ok {
		return nil, status, true
	}
	for _, f := range rest {
		if f == "-" {
			h.Errorf("Standard input is not read here: give a file.")
			return nil, 1, true
		}
	}
	return rest, 0, false
}

// tell prints what is to be said and gives the exit status.
func tell(h *applet.Host, list []rootdir.Diagnostic) int {
	status := 0
	for _, d := range list {
		if d.Severity == unit.Notice {
			io.WriteString(h, d.String()+"\n")
			continue
		}
		h.Warnf("%s", d)
		switch {
		case d.Severity == unit.Error && d.Invalid:
			status = exitData
		case d.Severity == unit.Error && status == 0:
			status = exitCantMake
		}
	}
	return status
}
