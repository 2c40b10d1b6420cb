package convert

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// supervisord is the reading of one supervisord.conf with all that it includes (options.py of supervisor 4.2.5).
type supervisord struct {
	src       Source
	file      string
	ini       iniFile
	global    []pair // environment= of [supervisord]
	processes []*process
	sockets   []unitFile
	targets   []unitFile
	files     []string
	result    Result
}

// Supervisord converts a supervisord.conf. file is its absolute path.
func Supervisord(src Source, file string) (Result, error) {
	s := &supervisord{src: src, file: file}
	if err := s.readFiles(); err != nil {
		return Result{}, err
	}
	if err := s.globals(); err != nil {
		return Result{}, err
	}
	if err := s.programs(); err != nil {
		return Result{}, err
	}
	s.otherSections()
	s.order()
	for _, p := range s.processes {
		u, err := p.u.finish()
		if err == nil {
			err = s.result.add(u)
		}
		if err != nil {
			return Result{}, p.fail("process_name", err)
		}
	}
	for _, u := range append(s.sockets, s.targets...) {
		u, err := u.finish()
		if err == nil {
			err = s.result.add(u)
		}
		if err != nil {
			return Result{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	if len(s.processes) == 0 {
		return Result{}, fmt.Errorf("%s: no program in it", file)
	}
	s.packaged()
	slices.SortStableFunc(s.result.Remarks, func(a, b Remark) int {
		return cmp.Or(cmp.Compare(s.place(a.File), s.place(b.File)), cmp.Compare(a.Line, b.Line))
	})
	return s.result, nil
}

// packaged tells of the unit that packages of supervisord bring: with it the programs would run twice.
func (s *supervisord) packaged() {
	for _, name := range []string{"supervisor.service", "supervisord.service"} {
		if link := "/etc/systemd/system/multi-user.target.wants/" + name; s.src.exists(link) {
			s.result.Remarks = append(s.result.Remarks, Remark{File: link, Text: "supervisord would start the same programs; systemctl disable " + name})
		}
	}
}

// place is the order in which files were read.
func (s *supervisord) place(file string) int { return slices.Index(s.files, file) }

// readFiles reads the file and what its [include] names.
func (s *supervisord) readFiles() error {
	if err := s.readFile(s.file); err != nil {
		return err
	}
	include := s.ini.section("include")
	if include == nil {
		return nil
	}
	files := include.get("files")
	if files == nil {
		return fmt.Errorf("%s:%d: [include] has no files=", s.file, include.line)
	}
	patterns, err := s.resolved(files, "include", func(name string) (string, bool) { return s.lookup(files, name) })
	if err != nil {
		return s.fault(files, "include", err)
	}
	host, _ := s.src.Getenv("HOSTNAME")
	for _, pattern := range strings.Fields(strings.ReplaceAll(patterns, hostName, host)) {
		if !path.IsAbs(pattern) {
			pattern = path.Join(path.Dir(s.file), pattern)
		}
		found, err := fs.Glob(s.src.FS, inRoot(pattern))
		if err != nil {
			return s.fault(files, "include", err)
		}
		if len(found) == 0 {
			s.note(files, "include", "nothing matches %s", pattern)
		}
		for _, f := range found {
			if err := s.readFile("/" + f); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *supervisord) readFile(file string) error {
	text, err := s.src.read(file)
	if err != nil {
		return err
	}
	if !isText(text) {
		return fmt.Errorf("%s: it is no text", file)
	}
	s.files = append(s.files, file)
	return s.ini.read(file, path.Dir(file), text)
}

// lookup is for names that mean the same everywhere. What the environment has stays a variable.
func (s *supervisord) lookup(o *setting, name string) (string, bool) {
	switch env, ok := strings.CutPrefix(name, "ENV_"); {
	case name == "here":
		return o.here, true
	case name == "host_node_name", name == "ENV_HOSTNAME":
		return hostName, true
	case !ok:
		return "", false
	default:
		for _, p := range s.global {
			if p.name == env {
				return p.value, true
			}
		}
		return mark + env + mark, true
	}
}

// errUnset is a variable that has no value now, where one is needed.
var errUnset = errors.New("it names a variable that is not set here")

// resolved is a setting's value with the values that variables have now.
func (s *supervisord) resolved(o *setting, of string, lookup func(string) (string, bool)) (string, error) {
	text, err := expand(o.value, lookup)
	if err != nil || !hasVariable(text) {
		return text, err
	}
	parts := strings.Split(text, mark)
	for i := 1; i < len(parts); i += 2 {
		name := parts[i]
		value, ok := s.src.Getenv(name)
		if !ok {
			s.lost(o, of, "$%s is not set here, and systemd expands no variable in this setting", name)
			return "", errUnset
		}
		s.note(o, of, "$%s is written as %q, its value at the import", name, value)
		parts[i] = value
	}
	return strings.Join(parts, ""), nil
}

// globals reads [supervisord].
func (s *supervisord) globals() error {
	s.ini.inherit()
	o := s.ini.section("supervisord").get("environment")
	if o == nil {
		return nil
	}
	text, err := expand(o.value, func(name string) (string, bool) { return s.lookup(o, name) })
	if err == nil {
		s.global, err = readPairs(text)
	}
	if err != nil {
		return s.fault(o, "supervisord", err)
	}
	return nil
}

// globalText is a setting of [supervisord] that programs inherit, "" if there is none.
func (s *supervisord) globalText(key string) (string, *setting, error) {
	o := s.ini.section("supervisord").get(key)
	if o == nil {
		return "", nil, nil
	}
	text, err := s.resolved(o, "supervisord", func(name string) (string, bool) { return s.lookup(o, name) })
	if errors.Is(err, errUnset) {
		return "", nil, nil
	}
	if err != nil {
		return "", o, s.fault(o, "supervisord", err)
	}
	return text, o, nil
}

// programs makes a process of each that a program has, groups first, as supervisord does.
func (s *supervisord) programs() error {
	grouped := map[*iniSection]bool{}
	for _, sec := range s.ini.sections {
		name, ok := strings.CutPrefix(sec.name, "group:")
		if !ok {
			continue
		}
		if err := s.group(sec, strings.TrimSpace(name), grouped); err != nil {
			return err
		}
	}
	for _, sec := range s.ini.sections {
		name, ok := programName(sec)
		if !ok || grouped[sec] {
			continue
		}
		list, err := s.program(sec, name, name, nil)
		if err != nil {
			return err
		}
		if len(list) > 1 {
			s.target(name, list)
		}
	}
	return nil
}

// programName is the name of a section's program.
func programName(sec *iniSection) (string, bool) {
	kind, name, ok := strings.Cut(sec.name, ":")
	return strings.TrimSpace(name), ok && (kind == "program" || kind == "fcgi-program")
}

func (s *supervisord) group(sec *iniSection, name string, grouped map[*iniSection]bool) error {
	members := sec.get("programs")
	if members == nil {
		return fmt.Errorf("%s:%d: [%s] has no programs=", sec.file, sec.line, sec.name)
	}
	priority := defaultPriority
	if o := sec.get("priority"); o != nil {
		n, err := strconv.Atoi(o.value)
		if err != nil {
			return s.fault(o, sec.name, fmt.Errorf("%q is no number", o.value))
		}
		priority = n
	}
	var all []*process
	for _, m := range strings.Split(members.value, ",") {
		m = strings.TrimSpace(m)
		program := s.ini.section("program:" + m)
		if program == nil {
			program = s.ini.section("fcgi-program:" + m)
		}
		if program == nil {
			return s.fault(members, sec.name, fmt.Errorf("there is no program %q", m))
		}
		grouped[program] = true
		list, err := s.program(program, m, name, &priority)
		if err != nil {
			return err
		}
		all = append(all, list...)
	}
	s.target(name, all)
	return nil
}

// target is what a group becomes: its processes start and stop with it.
func (s *supervisord) target(name string, members []*process) {
	u := unitFile{name: targetName("group-", name), enable: true}
	u.inUnit("Description", plain(name))
	for _, p := range members {
		if p.u.enable {
			u.inUnit("Wants", p.u.name)
		}
		p.u.inUnit("PartOf", u.name)
	}
	u.wantedBy("multi-user.target")
	s.targets = append(s.targets, u)
}

// maxProcesses is how many processes of one program become units.
const maxProcesses = 1000

// program makes the processes of a section. priority is the group's, if it has one of its own.
func (s *supervisord) program(sec *iniSection, name, group string, priority *int) ([]*process, error) {
	if name == "" || strings.ContainsAny(name, " /:") {
		return nil, fmt.Errorf("%s:%d: [%s] has an impossible name", sec.file, sec.line, sec.name)
	}
	probe := &process{s: s, sec: sec, program: name, group: group}
	count, from := probe.integer("numprocs", 1), probe.integer("numprocs_start", 0)
	if probe.err != nil {
		return nil, probe.err
	}
	if count > maxProcesses {
		return nil, fmt.Errorf("%s:%d: [%s] has %d processes; more than %d are not written as units", sec.file, sec.line, sec.name, count, maxProcesses)
	}
	if o := sec.get("process_name"); count > 1 && (o == nil || !strings.Contains(o.value, "%(process_num)")) {
		return nil, fmt.Errorf("%s:%d: [%s] has %d processes, and process_name= does not tell them apart by %%(process_num)d", sec.file, sec.line, sec.name, count)
	}
	var list []*process
	for i := range count {
		p := &process{s: s, sec: sec, program: name, group: group, num: from + i, count: count, quiet: i > 0}
		if err := p.build(); err != nil {
			return nil, err
		}
		p.level = [2]int{p.priority, p.priority}
		if priority != nil {
			p.level[0] = *priority
		}
		list = append(list, p)
	}
	s.processes = append(s.processes, list...)
	return list, s.fastcgi(sec, name, list)
}

// order puts processes behind those with a lower priority, as supervisord starts them, and stops them the other way round.
func (s *supervisord) order() {
	for _, p := range s.processes {
		for _, o := range s.processes {
			if slices.Compare(o.level[:], p.level[:]) < 0 {
				p.u.after(o.u.name)
			}
		}
	}
}

// otherSections says what is not a program.
func (s *supervisord) otherSections() {
	for _, sec := range s.ini.sections {
		kind, _, _ := strings.Cut(sec.name, ":")
		i := slices.IndexFunc(supervisordSections, func(r sectionRule) bool { return r.kind == kind })
		if i >= 0 && supervisordSections[i].lost == "" {
			continue
		}
		why := "it is no section of supervisord's"
		if i >= 0 {
			why = supervisordSections[i].lost
		}
		s.result.Remarks = append(s.result.Remarks, Remark{File: sec.file, Line: sec.line, Of: sec.name, Text: why, Lost: true})
	}
}

func (s *supervisord) lost(o *setting, of, format string, arg ...any) {
	s.remark(o, of, true, format, arg)
}
func (s *supervisord) note(o *setting, of, format string, arg ...any) {
	s.remark(o, of, false, format, arg)
}

// remark remembers one, once: the processes of a program all read the same settings.
func (s *supervisord) remark(o *setting, of string, lost bool, format string, arg []any) {
	r := Remark{o.file, o.line, of, o.key, fmt.Sprintf(format, arg...), lost}
	if !slices.Contains(s.result.Remarks, r) {
		s.result.Remarks = append(s.result.Remarks, r)
	}
}

func (s *supervisord) fault(o *setting, of string, err error) error {
	return fmt.Errorf("%s:%d: [%s] %s: %w", o.file, o.line, of, o.key, err)
}
