package unitfiles

import (
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// host is what specifiers of [Install] stand for: of the root directory what is in its files, of the kernel what is the same for all (systemd.unit(5),
// "Specifiers").
func (r *Root) host() unit.Host {
	if r.Host != nil {
		return r.Host()
	}
	h := unit.DefaultHost()
	line := func(p string) string {
		text, err := r.readFile(p)
		if err != nil {
			return ""
		}
		first, _, _ := strings.Cut(text, "\n")
		return strings.TrimSpace(first)
	}
	h.MachineID = line("/etc/machine-id")
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel, h.Hostname = unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Nodename[:])
		machine := unix.ByteSliceToString(u.Machine[:])
		h.Architecture = map[string]string{"x86_64": "x86-64", "aarch64": "arm64"}[machine]
	}
	if id, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		h.BootID = strings.ReplaceAll(strings.TrimSpace(string(id)), "-", "")
	}
	for _, at := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		text, err := r.readFile(at)
		if err != nil {
			continue
		}
		v := map[string]string{}
		for _, l := range strings.Split(text, "\n") {
			if key, value, ok := strings.Cut(strings.TrimSpace(l), "="); ok {
				v[key] = strings.Trim(value, `"'`)
			}
		}
		h.OSRelease = true
		h.OSID, h.OSVersionID, h.OSBuildID, h.OSVariantID = v["ID"], v["VERSION_ID"], v["BUILD_ID"], v["VARIANT_ID"]
		h.ImageID, h.ImageVersion = v["IMAGE_ID"], v["IMAGE_VERSION"]
		break
	}
	return h
}

// inMemory is the path of the unit that the manager makes of an init script, as if a generator had; "" if there is none. In a root directory no manager
// runs.
func (p *operation) inMemory(name string) string {
	if p.noMemory || !p.live {
		return ""
	}
	at := p.loader().File(name)
	if isGenerator(path.Dir(at)) {
		return at
	}
	return ""
}

// vendorDir is where the files of built-in units would be.
const vendorDir = "/lib/systemd/system"

// builtIn: a unit that every manager here knows counts as if its file were there. A link to it leads nowhere, and means the unit all the same.
func (p *operation) builtIn(f *file) error {
	// A Loader that has not scanned knows these units alone.
	u, _ := unit.NewLoader(files{p.Root}, unit.DefaultHost()).Load(f.name)
	if p.noMemory || u.LoadState != unit.Loaded {
		return unix.ENOENT
	}
	f.path, f.mode = vendorDir+"/"+f.name, regularFile
	if u.Name != f.name {
		f.mode, f.target = aliasFile, vendorDir+"/"+u.Name
	}
	return nil
}

// allInMemory lists them all.
func (r *Root) allInMemory() []string {
	if !r.live {
		return nil
	}
	l := r.loader()
	var list []string
	for _, name := range l.Names() {
		if path.Dir(l.File(name)) == generatorLate {
			list = append(list, generatorLate+"/"+name)
		}
	}
	return list
}

func (r *Root) loader() *unit.Loader {
	l := unit.NewLoader(files{r}, unit.DefaultHost())
	l.SearchPath = r.search
	l.Scan()
	return l
}

// files gives the root directory to a unit.Loader.
type files struct{ r *Root }

func (f files) ReadFile(name string) ([]byte, error) {
	text, err := f.r.readFile("/" + name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return []byte(text), nil
}

func (f files) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := f.r.readDir("/" + name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return list, nil
}

func (f files) ReadLink(name string) (string, error) {
	target, err := f.r.readLink("/" + name)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return target, nil
}
