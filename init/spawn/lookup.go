package spawn

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// searchPath is where a command without a slash is looked for (DEFAULT_PATH in src/basic/path-util.h), whatever $PATH the process will have.
var searchPath = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// lookUp finds the program (find_executable_full in src/basic/path-util.c). In this process's view of the file system it is found now; in another the process
// itself tries one path after the other.
func (b *builder) lookUp() {
	name := b.e.Line.Path
	b.paths = []string{name}
	if !strings.Contains(name, "/") {
		b.paths = b.paths[:0]
		folders := searchPath
		if len(b.x.ExecSearchPath) > 0 {
			folders = b.x.ExecSearchPath
		}
		for _, dir := range folders {
			b.paths = append(b.paths, path.Join(dir, name))
		}
	}
	b.path = b.paths[0]
	if b.elsewhere() {
		return
	}
	failure := error(unix.ENOENT)
	for _, at := range b.paths {
		err := executable(at)
		if err == nil {
			b.path, b.paths = at, []string{at}
			return
		}
		if len(b.paths) == 1 || err != unix.EACCES {
			failure = err
		}
	}
	purpose := "locate the executable " + name
	if b.e.Line.Flags&unit.IgnoreFailure != 0 {
		// "Executable %s missing, skipping": a success.
		b.fail(0, purpose, failure)
		return
	}
	b.fail(exitExec, purpose, failure)
}

// executable tells why a file cannot be executed, as seen by this process (check_x_access in src/basic/path-util.c).
func executable(at string) error {
	var st unix.Stat_t
	if err := unix.Stat(at, &st); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		return unix.EISDIR
	default:
		return unix.EBADFD
	}
	return unix.Access(at, unix.X_OK)
}

// execute ends the list.
func (b *builder) execute() {
	if b.ended {
		return
	}
	for i, at := range b.paths {
		c := Exec(at, b.argv, b.env).exit(exitExec)
		if i < len(b.paths)-1 {
			c = c.MayFail()
		}
		b.add(c)
	}
}
