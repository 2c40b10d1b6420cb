package spawn

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/supervise/unit"
)

// Credentials (systemd.exec(5), "Credentials"; setup_credentials in src/core/execute.c). Where systemd cannot mount a file system for them it has a plain folder, and so
// has keelson always: /run/credentials/UNIT, mode 0500, with files of mode 0400, the user's. A source may be a FIFO or a socket, so the child reads it.

// credentialMax is the most that a unit's credentials may add up to, in bytes.
const credentialMax = 1 << 20

// credentialFolders are where a credential is looked for that is given by name alone; the manager's own come first.
var credentialFolders = []string{"/etc/credstore", "/run/credstore", "/usr/local/lib/credstore", "/usr/lib/credstore"}

func (b *builder) hasCredentials() bool {
	return len(b.x.SetCredentials)+len(b.x.LoadCredentials)+len(b.x.ImportCredentials) > 0
}

// writesCredentials: a command that runs when the service is already up, or down again, finds what the others have left (service_spawn's callers in src/core/service.c).
func (b *builder) writesCredentials() bool {
	return b.hasCredentials() && (b.e.Kind == unit.ExecCondition || b.e.Kind == unit.ExecStartPre || b.e.Kind == unit.ExecStart)
}

func (b *builder) credentials() {
	x := b.x
	if !b.hasCredentials() {
		return
	}
	root := path.Join(b.c.Host.RuntimeRoot, "credentials")
	b.credentialDir = path.Join(root, b.e.Unit)
	if !b.writesCredentials() {
		return
	}
	const purpose = "set up the credentials"
	b.parents(purpose, root)
	for _, d := range []struct {
		at   string
		mode uint32
	}{{root, 0o755}, {b.credentialDir, 0o700}} {
		b.add(mkdir(purpose, d.at, d.mode).MayExist().exit(exitCredentials))
		b.pend(d.at)
	}
	dir := b.add(open(purpose, b.credentialDir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0).exit(exitCredentials))
	b.add(call("fchmod", unix.SYS_FCHMOD, purpose, Result(dir), octal(0o700)).exit(exitCredentials))
	s := &store{b: b, dir: dir, left: credentialMax, have: map[string]bool{}}
	for _, c := range x.LoadCredentials {
		if err := s.load(c); err != nil {
			b.fail(exitCredentials, "load the credential "+c.ID, err)
			return
		}
	}
	for _, pattern := range x.ImportCredentials {
		s.importPattern(pattern)
	}
	for _, c := range x.SetCredentials {
		if s.have[c.ID] {
			continue
		}
		if c.Encrypted {
			b.fail(exitCredentials, "set the credential "+c.ID, errEncrypted)
			return
		}
		if err := s.set(c.ID, c.Data); err != nil {
			b.fail(exitCredentials, "set the credential "+c.ID, err)
			return
		}
	}
	uid, _ := b.owner()
	if uid != b.m.UID {
		b.add(call("fchown", unix.SYS_FCHOWN, purpose, Result(dir), Int(uid), Int(-1)).exit(exitCredentials))
	}
	b.add(call("fchmod", unix.SYS_FCHMOD, purpose, Result(dir), octal(0o500)).exit(exitCredentials))
	b.add(closeResult(dir))
}

var errEncrypted = because(unix.EOPNOTSUPP, "it is encrypted, with a key of the host's that a container does not have")

// store is a unit's credentials being filled.
type store struct {
	b    *builder
	dir  int // the call that opened it
	left int64
	have map[string]bool
}

// load is one LoadCredential=: a file, a folder with files, or a name that the manager or the image may have a credential for.
func (s *store) load(c unit.Credential) error {
	if c.Encrypted {
		return errEncrypted
	}
	if !path.IsAbs(c.Source) {
		for _, folder := range s.b.credentialSearch() {
			if file := path.Join(folder, c.Source); unix.Access(file, unix.F_OK) == nil {
				return s.file(c.ID, file)
			}
		}
		return nil // who needs it will say so
	}
	var st unix.Stat_t
	switch err := unix.Stat(c.Source, &st); {
	case err == unix.ENOENT && slices.ContainsFunc(s.b.x.SetCredentials, func(o unit.Credential) bool { return o.ID == c.ID }):
		return nil
	case err != nil:
		return &fs.PathError{Op: "open", Path: c.Source, Err: err}
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return s.folder(c.ID, c.Source)
	}
	return s.file(c.ID, c.Source)
}

// credentialSearch: the manager's own credentials, then the image's stores.
func (b *builder) credentialSearch() []string {
	if own := b.c.Credentials; own != "" {
		return append([]string{own}, credentialFolders...)
	}
	return credentialFolders
}

// folder takes the files below a folder; a file's name is made of its path, with "_" for "/".
func (s *store) folder(id, dir string) error {
	return filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() && d.Type()&fs.ModeSocket == 0 {
			return nil
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		name = id + "_" + strings.ReplaceAll(name, "/", "_")
		if s.have[name] {
			return nil
		}
		if len(name) > 255 {
			return because(unix.ENAMETOOLONG, "credential %s: the name is too long", name)
		}
		return s.file(name, file)
	})
}

// importPattern takes what the manager and the image have whose names match (systemd 254, ImportCredential=).
func (s *store) importPattern(pattern string) {
	for _, folder := range s.b.credentialSearch() {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if ok, err := path.Match(pattern, e.Name()); err != nil || !ok || e.IsDir() || s.have[e.Name()] {
				continue
			}
			if s.file(e.Name(), path.Join(folder, e.Name())) != nil {
				return
			}
		}
	}
}

// file copies one source.
func (s *store) file(id, source string) error {
	b, purpose := s.b, "load the credential "+id
	var st unix.Stat_t
	if err := unix.Stat(source, &st); err != nil {
		return &fs.PathError{Op: "open", Path: source, Err: err}
	}
	if err := s.count(id, st.Size); err != nil {
		return err
	}
	var from int
	if st.Mode&unix.S_IFMT == unix.S_IFSOCK {
		address, ok := unixAddress(source)
		if !ok {
			return &fs.PathError{Op: "connect", Path: source, Err: unix.ENAMETOOLONG}
		}
		from = b.add(socket(purpose, unix.SOCK_STREAM).exit(exitCredentials))
		b.add(connect(purpose, Result(from), address, source).exit(exitCredentials))
	} else {
		from = b.add(open(purpose, source, unix.O_RDONLY|unix.O_NOCTTY, 0).exit(exitCredentials))
	}
	s.write(purpose, id, func(to int) {
		b.add(Call{Name: "copy", Nr: early.OpCopy, Args: []Arg{Result(to), Result(from), Int(credentialMax)}, For: purpose}.exit(exitCredentials))
	})
	b.add(closeResult(from))
	return nil
}

func (s *store) set(id string, data []byte) error {
	if err := s.count(id, int64(len(data))); err != nil {
		return err
	}
	purpose := "set the credential " + id
	s.write(purpose, id, func(to int) {
		s.b.add(writeBytes(purpose, Result(to), data, fmt.Sprintf("[%d bytes]", len(data))).exit(exitCredentials))
	})
	return nil
}

func (s *store) count(id string, size int64) error {
	if s.left -= int64(len(id)) + size; s.left < 0 {
		return because(unix.E2BIG, "the unit's credentials are more than %d bytes", credentialMax)
	}
	s.have[id] = true
	return nil
}

// write makes a file under another name first: a process that runs sees the old content or the new.
func (s *store) write(purpose, id string, fill func(to int)) {
	b := s.b
	const temporary = ".new"
	at := func(name string) []Arg { return []Arg{Result(s.dir), Str(name)} }
	b.add(call("unlinkat", unix.SYS_UNLINKAT, purpose, append(at(temporary), Int(0))...).MayFail())
	to := b.add(call("openat", unix.SYS_OPENAT, purpose, append(at(temporary), openArgs(unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, 0o600)...)...).exit(exitCredentials))
	fill(to)
	b.add(call("fchmod", unix.SYS_FCHMOD, purpose, Result(to), octal(0o400)).exit(exitCredentials))
	if uid, _ := b.owner(); uid != b.m.UID {
		b.add(call("fchown", unix.SYS_FCHOWN, purpose, Result(to), Int(uid), Int(-1)).exit(exitCredentials))
	}
	b.add(closeResult(to))
	b.add(call("renameat2", unix.SYS_RENAMEAT2, purpose, Result(s.dir), Str(temporary), Result(s.dir), Str(id), Int(0)).exit(exitCredentials))
}
