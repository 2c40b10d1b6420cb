package convert

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// s6 is the reading of the folders of s6-rc(s6-rc-compile) and s6-overlay.
type s6 struct {
	src      Source
	services map[string]*s6Service // of s6-rc, by name
	order    []*s6Service          // all, in the order of the folders
	overlay  bool                  // its programs are in /command
	contInit bool                  // there are scripts that run before services.d
	result   Result
}

// kinds of services.
type s6Kind string

const (
	longrun s6Kind = "longrun"
	oneshot s6Kind = "oneshot"
	bundle  s6Kind = "bundle"
)

// s6Service is a folder that defines a service.
type s6Service struct {
	name, dir string
	kind      s6Kind
	legacy    bool // of services.d
	collector bool // it only takes what another one writes
	u         unitFile
}

// S6 converts folders: s6-rc's source, services.d, cont-init.d, cont-finish.d, or one that has these in it. dirs are absolute paths.
func S6(src Source, dirs []string) (Result, error) {
	s := &s6{src: src, services: map[string]*s6Service{}, overlay: src.exists("/command/execlineb")}
	var folders []string
	for _, dir := range dirs {
		found := s.sources(dir)
		if len(found) == 0 {
			return Result{}, fmt.Errorf("%s: there is no service in it: no folder with a type or a run file", dir)
		}
		folders = append(folders, found...)
	}
	// What stops last is to know all others.
	slices.SortStableFunc(folders, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	for _, d := range folders {
		if err := s.take(d); err != nil {
			return Result{}, err
		}
	}
	for _, v := range s.order {
		if err := s.convert(v); err != nil {
			return Result{}, err
		}
	}
	s.enable()
	var units []Unit
	for _, v := range s.order {
		if v.u.name == "" {
			continue
		}
		u, err := v.u.finish()
		if err != nil {
			return Result{}, fmt.Errorf("%s: %w", v.dir, err)
		}
		units = append(units, u)
	}
	if err := s.result.add(units...); err != nil {
		return Result{}, err
	}
	return s.result, nil
}

// rank is the order of folders: scripts that run first, services, scripts that run last.
func rank(dir string) int {
	switch path.Base(dir) {
	case "cont-init.d":
		return 0
	case "cont-finish.d":
		return 2
	}
	return 1
}

// IsS6 tells whether a folder is one that S6 can convert.
func IsS6(src Source, dir string) bool {
	s := &s6{src: src}
	return len(s.sources(dir)) > 0
}

// sources finds the folders that define services in a folder that may be one itself.
func (s *s6) sources(dir string) []string {
	switch path.Base(dir) {
	case "cont-init.d", "cont-finish.d":
		return []string{dir}
	}
	var list []string
	for _, name := range []string{"s6-overlay", "s6-rc.d", "cont-init.d", "services.d", "cont-finish.d"} {
		if sub := path.Join(dir, name); s.src.isDir(sub) {
			list = append(list, s.sources(sub)...)
		}
	}
	if len(list) > 0 {
		return list
	}
	for _, name := range s.src.list(dir) {
		sub := path.Join(dir, name)
		if s.src.exists(sub+"/type") || s.src.exists(sub+"/run") {
			return []string{dir}
		}
	}
	return nil
}

// take reads which services a folder defines.
func (s *s6) take(dir string) error {
	switch path.Base(dir) {
	case "cont-init.d":
		s.scripts(dir, true)
		return nil
	case "cont-finish.d":
		s.scripts(dir, false)
		return nil
	}
	for _, name := range s.src.list(dir) {
		v := &s6Service{name: name, dir: path.Join(dir, name)}
		if !s.src.isDir(v.dir) || strings.HasPrefix(name, ".") {
			continue
		}
		kind, ok := s.text(v.dir + "/type")
		switch {
		case !ok && s.src.exists(v.dir+"/run"):
			v.kind, v.legacy = longrun, true
		case !ok:
			s.lost(v.dir, "", "", "it has neither a type nor a run file")
			continue
		default:
			v.kind = s6Kind(kind)
		}
		if v.kind != longrun && v.kind != oneshot && v.kind != bundle {
			return fmt.Errorf("%s/type: %q is none of longrun, oneshot, bundle", v.dir, kind)
		}
		if s.services[name] != nil {
			return fmt.Errorf("%s: there is a service %q already, in %s", v.dir, name, s.services[name].dir)
		}
		s.services[name] = v
		s.order = append(s.order, v)
		if v.kind == longrun && s.src.exists(v.dir+"/consumer-for") {
			v.collector = true
		}
	}
	return nil
}

// text is the content of a small file, without the white space around it.
func (s *s6) text(file string) (string, bool) {
	t, err := s.src.read(file)
	return strings.TrimSpace(t), err == nil
}

// names are those in a file, one a line, and of the files in the folder NAME.d, which says the same.
func (s *s6) names(file string) []string {
	var list []string
	text, _ := s.text(file)
	for _, l := range strings.Split(text, "\n") {
		if l, _, _ = strings.Cut(l, "#"); strings.TrimSpace(l) != "" {
			list = append(list, strings.TrimSpace(l))
		}
	}
	for _, name := range s.src.list(file + ".d") {
		if !strings.HasPrefix(name, ".") && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// service finds a service by its name; the name of a pipeline is that of the service whose output runs through it.
func (s *s6) service(name string) *s6Service {
	if v := s.services[name]; v != nil {
		return v
	}
	for _, v := range s.order {
		if pipeline, ok := s.text(v.dir + "/pipeline-name"); !ok || !v.collector || pipeline != name {
			continue
		}
		for range s.order {
			of, _ := s.text(v.dir + "/consumer-for")
			if v = s.services[of]; v == nil || !v.collector {
				return v
			}
		}
	}
	return nil
}

// unitOf is the unit of a service.
func (v *s6Service) unitOf() string {
	if v.u.name != "" {
		return v.u.name
	}
	if v.kind == bundle {
		return targetName("s6-", v.name)
	}
	return unitName(v.name, ".service")
}

func (s *s6) convert(v *s6Service) error {
	if v.u.name != "" {
		return nil // a script's unit, which is made already
	}
	if v.collector {
		of, _ := s.text(v.dir + "/consumer-for")
		s.lost(v.dir, v.name, "consumer-for", "the journal takes what "+of+" writes; StandardOutput=append:FILE (systemd.exec(5)) is another way")
		return nil
	}
	v.u.name = v.unitOf()
	v.u.inUnit("Description", plain(v.name))
	if s.contInit && v.legacy {
		v.u.inUnit("Wants", contInitTarget)
		v.u.inUnit("After", contInitTarget)
	}
	switch v.kind {
	case bundle:
		s.bundle(v)
	case oneshot:
		v.u.section = "Service"
		if err := s.oneshot(v); err != nil {
			return err
		}
	default:
		v.u.section = "Service"
		if err := s.longrun(v); err != nil {
			return err
		}
	}
	s.dependencies(v)
	for _, b := range s.order {
		if b.kind == bundle && slices.ContainsFunc(s.names(b.dir+"/contents"), func(name string) bool { return s.service(name) == v }) {
			v.u.inUnit("PartOf", b.unitOf())
		}
	}
	v.u.wantedBy("multi-user.target")
	for _, key := range []string{"template", "instances", "instance"} {
		if s.src.isDir(v.dir + "/" + key) {
			s.lost(v.dir, v.name, key, "instances are those of a template unit (systemd.unit(5)), which is to be written by hand")
		}
	}
	return nil
}

// ownOfOverlay are bundles and services that s6-overlay brings itself. They are about its own start.
var ownOfOverlay = []string{"base", "fix-attrs", "init", "legacy-services", "preinit", "top"}

// dependencies writes what has to be up before. What the overlay brings itself is so anyway.
func (s *s6) dependencies(v *s6Service) {
	for _, name := range s.names(v.dir + "/dependencies") {
		d := s.service(name)
		switch {
		case d != nil && d.collector:
		case d != nil:
			v.u.inUnit("Requires", d.unitOf())
			v.u.inUnit("After", d.unitOf())
		case name == "legacy-cont-init":
			if s.contInit {
				v.u.inUnit("Wants", contInitTarget)
				v.u.inUnit("After", contInitTarget)
			}
		case slices.Contains(ownOfOverlay, name):
		default:
			s.lost(v.dir, v.name, "dependencies", "there is no service "+name+" in these folders")
		}
	}
}

func (s *s6) bundle(v *s6Service) {
	for _, name := range s.names(v.dir + "/contents") {
		switch d := s.service(name); {
		case d == nil && !slices.Contains(ownOfOverlay, name):
			s.lost(v.dir, v.name, "contents", "there is no service "+name+" in these folders")
		case d != nil && !d.collector:
			v.u.inUnit("Wants", d.unitOf())
		}
	}
}

// bootBundles are those that are brought up at boot, by s6-overlay and by custom.
var bootBundles = []string{"user", "user2", "default", "ok-all"}

// enable marks what starts at boot: of s6-rc the bundle that is for it, all services where there is none; of services.d what has no down file.
func (s *s6) enable() {
	hasBundle := slices.ContainsFunc(s.order, func(v *s6Service) bool { return v.kind == bundle && slices.Contains(bootBundles, v.name) })
	for _, v := range s.order {
		switch {
		case v.u.name == "":
		case v.legacy:
			v.u.enable = !s.src.exists(v.dir + "/down")
		case v.dir == "": // scripts
		case hasBundle:
			v.u.enable = v.kind == bundle && slices.Contains(bootBundles, v.name)
		default:
			v.u.enable = v.kind != bundle
		}
	}
}

func (s *s6) lost(file, of, key, text string) {
	s.result.Remarks = append(s.result.Remarks, Remark{File: file, Of: of, Key: key, Text: text, Lost: true})
}

func (s *s6) note(file, of, key, text string) {
	s.result.Remarks = append(s.result.Remarks, Remark{File: file, Of: of, Key: key, Text: text})
}

// executable tells whether a file can be executed.
func (s *s6) executable(file string) bool {
	i, err := fs.Stat(s.src.FS, inRoot(file))
	return err == nil && i.Mode()&0o111 != 0
}
