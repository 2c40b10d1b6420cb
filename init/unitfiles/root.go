package unitfiles

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// Root is a root directory with unit files. Its methods may be called by several goroutines: it holds nothing that changes.
type Root struct {
	dir     string // "" is this machine
	search  []string
	live    bool   // this is where a manager runs: generators have been at work, and init scripts are units
	install string // the program that enables init scripts

	// Host is what specifiers in [Install] are resolved with; nil: what the root directory itself says.
	Host func() unit.Host
	// Warn gets what systemctl warns of, such as a line of [Install] that is ignored: "PATH:LINE: TEXT". Nil drops it.
	Warn func(text string)
}

// New is the root directory at dir; "" and "/" are this machine.
func New(dir string) *Root {
	if dir = filepath.Clean("/" + dir); dir == "/" {
		dir = ""
	}
	// Debian up to 12 names /lib first, also where it is a link to /usr/lib.
	return &Root{dir: dir, search: unit.DefaultSearchPath(true), live: dir == "", install: sysvInstall}
}

// Options are systemctl's. Not every operation knows all.
type Options struct {
	Runtime bool // --runtime: links in /run, which are gone with the next boot
	Force   bool // --force: replace links that lead elsewhere
	DryRun  bool // say what would be removed
}

// The folders of the search path that are something special.
const (
	configDir      = "/etc/systemd/system"
	runtimeDir     = "/run/systemd/system"
	transientDir   = "/run/systemd/transient"
	generatorDir   = "/run/systemd/generator"
	generatorEarly = "/run/systemd/generator.early"
	generatorLate  = "/run/systemd/generator.late"
	controlDir     = "/etc/systemd/system.control"
	runtimeControl = "/run/systemd/system.control"
)

func (o Options) config() string {
	if o.Runtime {
		return runtimeDir
	}
	return configDir
}

func isConfig(dir string) bool  { return dir == configDir || dir == runtimeDir }
func isControl(dir string) bool { return dir == controlDir || dir == runtimeControl }
func isRuntime(dir string) bool { return startsWith(dir, "/run") }
func isGenerator(dir string) bool {
	return dir == generatorDir || dir == generatorEarly || dir == generatorLate
}
func isVendor(dir string) bool {
	return startsWith(dir, "/usr") || startsWith(dir, "/lib") || isGenerator(dir)
}

// startsWith tells whether p is dir or below it.
func startsWith(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// below tells whether a path is below a folder of the search path, whatever lies between.
func (r *Root) below(p string) bool {
	return slices.ContainsFunc(r.search, func(dir string) bool { return p != dir && startsWith(p, dir) })
}

// shown is a path within the root directory as systemctl prints it. Names stay as they are.
func (r *Root) shown(p string) string {
	if strings.HasPrefix(p, "/") {
		return r.dir + p
	}
	return p
}

// linksMax is how many links a path may lead through, as in the kernel.
const linksMax = 40

// chase follows the links of an absolute path within the root directory; that of its last part only if last. What does not exist is followed as far as it
// goes. The error is a unix.Errno.
func (r *Root) chase(p string, last bool) (string, error) {
	done, rest := "/", strings.Split(strings.Trim(p, "/"), "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, part)
		if len(rest) == 0 && !last {
			return next, nil
		}
		target, err := os.Readlink(r.dir + next)
		if err != nil {
			done = next
			continue
		}
		if links++; links > linksMax {
			return "", unix.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			done = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return done, nil
}

// at is where a path is on disk; its last part may be a link.
func (r *Root) at(p string) (string, error) {
	if r.dir == "" {
		return p, nil
	}
	p, err := r.chase(p, false)
	return r.dir + p, err
}

// through is where a path is on disk, with the last link followed.
func (r *Root) through(p string) (string, error) {
	if r.dir == "" {
		return p, nil
	}
	p, err := r.chase(p, true)
	return r.dir + p, err
}

func (r *Root) lstat(p string) (fs.FileInfo, error) {
	at, err := r.at(p)
	if err != nil {
		return nil, err
	}
	st, err := os.Lstat(at)
	if err != nil {
		return nil, errnoOf(err)
	}
	return st, nil
}

func (r *Root) stat(p string) (fs.FileInfo, error) {
	at, err := r.through(p)
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(at)
	if err != nil {
		return nil, errnoOf(err)
	}
	return st, nil
}

func (r *Root) readLink(p string) (string, error) {
	at, err := r.at(p)
	if err != nil {
		return "", err
	}
	target, err := os.Readlink(at)
	if err != nil {
		return "", errnoOf(err)
	}
	return target, nil
}

// textMax is how large a unit file or a preset file may be, in bytes.
const textMax = 16 << 20

// readFile reads a regular file through links.
func (r *Root) readFile(p string) (string, error) {
	st, err := r.stat(p)
	if err != nil {
		return "", err
	}
	if err := regular(st); err != nil {
		return "", err
	}
	if st.Size() > textMax {
		return "", unix.EFBIG
	}
	at, err := r.through(p)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(at)
	if err != nil {
		return "", errnoOf(err)
	}
	return string(text), nil
}

// readDir lists a folder, sorted, without hidden files and editors' backups, which systemd does not see either.
func (r *Root) readDir(p string) ([]fs.DirEntry, error) {
	at, err := r.through(p)
	if err != nil {
		return nil, err
	}
	list, err := os.ReadDir(at)
	if err != nil {
		return nil, errnoOf(err)
	}
	return slices.DeleteFunc(list, func(e fs.DirEntry) bool {
		return strings.HasPrefix(e.Name(), ".") || strings.HasSuffix(e.Name(), "~")
	}), nil
}

// regular says what systemd says of what is no regular file (stat_verify_regular in src/basic/stat-util.c).
func regular(st fs.FileInfo) error {
	switch t := st.Mode().Type(); {
	case t == fs.ModeDir:
		return unix.EISDIR
	case t == fs.ModeSymlink:
		return unix.ELOOP
	case t != 0:
		return unix.EBADFD
	}
	return nil
}

// isNull tells whether a file is empty or a device, which masks (null_or_empty in src/basic/stat-util.c).
func isNull(st fs.FileInfo) bool {
	return st.Mode().IsRegular() && st.Size() == 0 || st.Mode()&fs.ModeDevice != 0
}

// masks tells whether what is at p, links followed, is empty or a device. In a root directory /dev may be missing.
func (r *Root) masks(p string) (bool, error) {
	real, err := r.chase(p, true)
	if err != nil {
		return false, err
	}
	if real == "/dev/null" {
		return true, nil
	}
	st, err := r.stat(real)
	if err != nil {
		return false, err
	}
	return isNull(st), nil
}

func (r *Root) warn(text string) {
	if r.Warn != nil {
		r.Warn(text)
	}
}

// check says why the root directory is none.
func (r *Root) check() error {
	if r.dir == "" {
		return nil
	}
	st, err := os.Stat(r.dir)
	switch {
	case err != nil:
		return errnoOf(err)
	case !st.IsDir():
		return unix.ENOTDIR
	}
	return nil
}

// makeParents makes the folders that a link is to be in. Those that are there may be links.
func (r *Root) makeParents(p string) error {
	dir, err := r.chase(path.Dir(p), true)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.dir+dir, 0o755); err != nil {
		return errnoOf(err)
	}
	return nil
}

// replaceLink puts a link in the place of another, in one step.
func replaceLink(target, at string) error {
	fresh := filepath.Join(filepath.Dir(at), ".#"+filepath.Base(at)+strconv.Itoa(os.Getpid()))
	_ = os.Remove(fresh)
	if err := os.Symlink(target, fresh); err != nil {
		return errnoOf(err)
	}
	if err := os.Rename(fresh, at); err != nil {
		_ = os.Remove(fresh)
		return errnoOf(err)
	}
	return nil
}
