package sock

import (
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/glob"
	"keelson/init/sys"
	"keelson/supervise/unit"
)

// Facts says which paths of a path unit are so now, and what made each so (path_spec_check_good in src/core/path.c). For PathChanged and PathModified it
// is that the path exists.
func Facts(specs []unit.PathSpec) (good []bool, paths []string) {
	good, paths = make([]bool, len(specs)), make([]string, len(specs))
	for i, s := range specs {
		paths[i] = s.Path
		switch s.Kind {
		case unit.PathExistsGlob:
			paths[i], good[i] = glob.First(s.Path)
		case unit.DirectoryNotEmpty:
			good[i] = notEmpty(s.Path)
		default:
			good[i] = unix.Access(s.Path, unix.F_OK) == nil
		}
		if !good[i] {
			paths[i] = ""
		}
	}
	return good, paths
}

// notEmpty tells whether a folder has names other than hidden ones and backups. A folder that may not be read counts as not empty, as in systemd.
func notEmpty(dir string) bool {
	d, err := openFolder(dir)
	if err != nil {
		return !isOneOf(err, unix.ENOENT, unix.ENOTDIR)
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(64)
		if slices.ContainsFunc(names, func(n string) bool { return !hiddenOrBackup(n) }) {
			return true
		}
		if err != nil {
			return err != io.EOF && !isOneOf(err, unix.ENOENT, unix.ENOTDIR)
		}
	}
}

// openFolder opens nothing but folders: the open of a FIFO would wait.
func openFolder(dir string) (*os.File, error) {
	var fd int
	err := sys.Retry(func() (err error) {
		fd, err = unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), dir), nil
}

// backups are endings that package managers and editors give (hidden_or_backup_file in src/basic/path-util.c).
var backups = []string{
	"rpmnew", "rpmsave", "rpmorig", "dpkg-old", "dpkg-new", "dpkg-tmp", "dpkg-dist", "dpkg-bak", "dpkg-backup", "dpkg-remove", "ucf-new", "ucf-old",
	"ucf-dist", "swp", "bak", "old", "new",
}

func hiddenOrBackup(name string) bool {
	if name[0] == '.' || strings.HasSuffix(name, "~") || name == "lost+found" || name == "aquota.user" || name == "aquota.group" {
		return true
	}
	dot := strings.LastIndexByte(name, '.')
	return dot >= 0 && slices.Contains(backups, name[dot+1:])
}

// MakeDirectories makes the folders of a path unit (MakeDirectory=, DirectoryMode=; path_mkdir in src/core/path.c).
func MakeDirectories(p *unit.Path) []Degradation {
	var list []Degradation
	for _, s := range p.Specs {
		if s.Kind == unit.PathExists || s.Kind == unit.PathExistsGlob {
			continue
		}
		if err := makeDirectory(s.Path, p.DirectoryMode); err != nil {
			list = append(list, Degradation{"MakeDirectory", fail(err, "mkdir(%s) failed", s.Path).Error()})
		}
	}
	return list
}
