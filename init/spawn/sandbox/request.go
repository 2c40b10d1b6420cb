package sandbox

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// Request is whose view is to be planned. What it names must exist when the process starts: the private folders for temporary files (mode 01777), the
// credentials, the unit's own directories, and [InaccessibleNodes].
type Request struct {
	Exec         *unit.ExecContext
	Host         *unit.Host // where the unit's directories are
	TmpDir       string     // PrivateTmp='s for /tmp, for all processes of the unit the same; "" for none
	VarTmpDir    string     // its one for /var/tmp
	Credentials  string     // the folder of the unit's credentials, "" if it has none
	NotifySocket string     // to be seen under RootDirectory= too; "" if the process gets none
	Privileged   bool       // the command has a "+": its view is arranged, but not restricted
}

// Node is a file that inaccessible paths are covered with.
type Node struct {
	Path string
	Mode uint32 // of mknod(2), or S_IFDIR; the device is 0
}

// InaccessibleNodes are to be made once, in this order, in a folder /run/systemd that exists. Where a device is denied the socket does (mode_to_inaccessible_node).
var InaccessibleNodes = []Node{
	{"/run/systemd/inaccessible", unix.S_IFDIR | 0o755},
	{"/run/systemd/inaccessible/reg", unix.S_IFREG},
	{"/run/systemd/inaccessible/dir", unix.S_IFDIR},
	{"/run/systemd/inaccessible/fifo", unix.S_IFIFO},
	{"/run/systemd/inaccessible/sock", unix.S_IFSOCK},
	{"/run/systemd/inaccessible/chr", unix.S_IFCHR},
	{"/run/systemd/inaccessible/blk", unix.S_IFBLK},
}

// needed tells whether a process of the unit has a mount namespace of its own (exec_needs_mount_namespace).
func (r *Request) needed() bool {
	e := r.Exec
	switch {
	case e.RootImage != "", len(e.MountImages) > 0, len(e.ExtensionImages) > 0, len(e.ExtensionDirectories) > 0,
		len(e.ReadWritePaths) > 0, len(e.ReadOnlyPaths) > 0, len(e.InaccessiblePaths) > 0, len(e.ExecPaths) > 0, len(e.NoExecPaths) > 0,
		len(e.Binds) > 0, len(e.TemporaryFS) > 0,
		e.MountFlags == unit.PropagationSlave, e.MountFlags == unit.PropagationPrivate,
		e.PrivateTmp && (r.TmpDir != "" || r.VarTmpDir != ""),
		e.PrivateDevices, e.PrivateMounts, e.ProtectSystem != unit.ProtectSystemNo, e.ProtectHome != unit.ProtectHomeNo,
		e.ProtectKernelTunables, e.ProtectKernelModules, e.ProtectKernelLogs, e.ProtectControlGroups,
		e.ProtectProc != unit.ProtectProcDefault, e.ProcSubset != unit.ProcSubsetAll, e.PrivateIPC, e.IPCNamespacePath != "",
		e.RootDirectory != "" && r.apiVFS(), e.LogNamespace != "":
		return true
	}
	for k := range unit.DirectoryKinds {
		if len(e.Directories[k].List) == 0 {
			continue
		}
		if e.RootDirectory != "" || e.DynamicUser && (unit.DirectoryKind(k) == unit.StateDirectory || unit.DirectoryKind(k) == unit.CacheDirectory || unit.DirectoryKind(k) == unit.LogsDirectory) {
			return true
		}
	}
	return false
}

// apiVFS: MountAPIVFS= is on by default where there is a root of its own.
func (r *Request) apiVFS() bool {
	if b := r.Exec.MountAPIVFS; b.Set {
		return b.Value
	}
	return r.Exec.RootDirectory != "" || r.Exec.RootImage != ""
}

// namespaces other than that of mounts: systemd goes on without those that it is denied, but for the user namespace.
func (r *Request) namespaces(list []Namespace) []Namespace {
	e := r.Exec
	switch {
	case e.NetworkNamespacePath != "":
		list = append(list, Namespace{unix.CLONE_NEWNET, e.NetworkNamespacePath, "NetworkNamespacePath=", true})
	case e.PrivateNetwork:
		list = append(list, Namespace{unix.CLONE_NEWNET, "", "PrivateNetwork=", false})
	}
	switch {
	case e.IPCNamespacePath != "":
		list = append(list, Namespace{unix.CLONE_NEWIPC, e.IPCNamespacePath, "IPCNamespacePath=", true})
	case e.PrivateIPC:
		list = append(list, Namespace{unix.CLONE_NEWIPC, "", "PrivateIPC=", false})
	}
	return list
}

// private tells whether directories of a kind are below "private", which others cannot enter (exec_directory_is_private).
func (r *Request) private(k unit.DirectoryKind) bool {
	e := r.Exec
	return e.DynamicUser && k != unit.ConfigurationDirectory && !(k == unit.RuntimeDirectory && e.RuntimeDirectoryPreserve == unit.PreserveNo)
}

// ownDirectory is where a directory of the unit's is.
func (r *Request) ownDirectory(k unit.DirectoryKind, name string) string {
	if r.private(k) {
		return path.Join(r.Host.Base(k), "private", name)
	}
	return path.Join(r.Host.Base(k), name)
}

// inAnother tells whether a directory lies in another of the same kind, which then brings it along (only_create in exec_directory_sort).
func inAnother(d unit.Directory, list []unit.Directory) bool {
	return slices.ContainsFunc(list, func(o unit.Directory) bool { return o.Path != d.Path && below(d.Path, o.Path) })
}

// binds are BindPaths= and the unit's own directories, which stay writable whatever becomes of the folders that they are in (compile_bind_mounts).
func (r *Request) binds() (binds, empty []entry) {
	e := r.Exec
	rooted := e.RootDirectory != "" || e.RootImage != ""
	for _, b := range e.Binds {
		n := entry{path: path.Clean(b.Destination), mode: bind, source: b.Source, readOnly: b.ReadOnly, ignore: b.Optional, directive: "BindPaths="}
		if b.ReadOnly {
			n.directive = "BindReadOnlyPaths="
		}
		if b.Recursive {
			n.mode = bindRecursive
		}
		binds = append(binds, n)
	}
	for i := range unit.DirectoryKinds {
		k := unit.DirectoryKind(i)
		list := e.Directories[k].List
		if len(list) == 0 {
			continue
		}
		if r.private(k) && !rooted {
			empty = append(empty, entry{path: path.Join(r.Host.Base(k), "private"), mode: emptyDir, readOnly: true, options: "mode=755" + limitsEmpty, flags: emptyFlags, directive: k.String() + "="})
		}
		for _, d := range list {
			if inAnother(d, list) {
				continue
			}
			n := entry{path: r.ownDirectory(k, d.Path), mode: bindRecursive, source: r.ownDirectory(k, d.Path), nosuid: e.DynamicUser, directive: k.String() + "="}
			if rooted {
				n.path = path.Join(r.Host.Base(k), d.Path)
			}
			binds = append(binds, n)
		}
	}
	return binds, empty
}

// link is a symbolic link inside.
type link struct{ target, path, directive string }

// links are those to the unit's own directories (compile_symlinks).
func (r *Request) links() []link {
	var list []link
	e := r.Exec
	for i := range unit.DirectoryKinds {
		k := unit.DirectoryKind(i)
		base := r.Host.Base(k)
		for _, d := range e.Directories[k].List {
			for _, s := range d.Symlinks {
				list = append(list, link{path.Join(base, d.Path), path.Join(base, s), k.String() + "="})
			}
			if r.private(k) && e.RootDirectory == "" && e.RootImage == "" && !inAnother(d, e.Directories[k].List) {
				list = append(list, link{r.ownDirectory(k, d.Path), path.Join(base, d.Path), k.String() + "="})
			}
		}
	}
	return list
}

// ears are where the manager listens. A daemon that has one of them bound into its chroot logs less without it, and works: a container that denies
// mounts is no reason not to start it, as systemd would have it.
var ears = []string{
	"/dev/log", "/run/systemd/journal", "/run/systemd/journal/dev-log", "/run/systemd/journal/socket", "/run/systemd/journal/stdout", "/run/systemd/notify",
}

// insists is systemd's rule, but for ears: what rearranges the view is essential, what only takes from it is not (insist_on_sandboxing). DynamicUser= is
// for the caller to judge: whether it matters depends on what the manager does in its place.
func (r *Request) insists(binds []entry) bool {
	e := r.Exec
	return len(e.TemporaryFS) > 0 || e.RootDirectory != "" || e.RootImage != "" || len(e.MountImages) > 0 || len(e.ExtensionImages) > 0 || len(e.ExtensionDirectories) > 0 ||
		e.LogNamespace != "" || slices.ContainsFunc(binds, func(b entry) bool {
		return path.Clean(b.source) != b.path && !slices.Contains(ears, path.Clean(b.source))
	})
}

// entries are all that the unit asks for, in no order. root is RootDirectory=, or "/".
func (r *Request) entries(root string, binds, empty []entry) []entry {
	e := r.Exec
	var list []entry
	rules := func(directive string, m mode, paths []unit.PathRule) {
		for _, p := range paths {
			at := path.Clean(p.Path)
			if root != "/" && !p.Root { // as it is outside: only what is in the root can be meant
				if !below(at, root) {
					continue
				}
				at = path.Join("/", strings.TrimPrefix(at, root))
			}
			list = append(list, entry{path: at, mode: m, ignore: p.Optional, directive: directive})
		}
	}
	fixed := func(directive string, table []entry, ignore bool) {
		for _, n := range table {
			n.directive, n.ignore = directive, n.ignore || ignore
			list = append(list, n)
		}
	}
	rules("ReadWritePaths=", readWrite, e.ReadWritePaths)
	if !r.Privileged {
		rules("ReadOnlyPaths=", readOnly, e.ReadOnlyPaths)
		rules("InaccessiblePaths=", inaccessible, e.InaccessiblePaths)
		rules("ExecPaths=", execute, e.ExecPaths)
		rules("NoExecPaths=", noExecute, e.NoExecPaths)
	}
	list = append(list, empty...)
	list = append(list, binds...)
	for _, t := range e.TemporaryFS {
		flags, data := mangle("mode=0755"+limitsNested+","+t.Options, unix.MS_NODEV|unix.MS_STRICTATIME)
		list = append(list, entry{path: path.Clean(t.Path), mode: tmpfs, readOnly: flags&unix.MS_RDONLY != 0, flags: flags &^ unix.MS_RDONLY, options: data, directive: "TemporaryFileSystem="})
	}
	if !r.Privileged {
		list = append(list, r.restrictions(fixed)...)
	}
	if r.Credentials != "" {
		list = append(list,
			entry{path: path.Join(r.Host.RuntimeRoot, "credentials"), mode: tmpfs, readOnly: true, options: "mode=0755" + limitsEmpty, flags: emptyFlags, directive: "LoadCredential="},
			entry{path: r.Credentials, mode: bind, readOnly: true, source: r.Credentials, directive: "LoadCredential="})
	} else {
		list = append(list, entry{path: path.Join(r.Host.RuntimeRoot, "credentials"), mode: inaccessible, ignore: true})
	}
	if e.LogNamespace != "" {
		list = append(list, entry{path: "/run/systemd/journal", mode: bindRecursive, readOnly: true, source: "/run/systemd/journal." + e.LogNamespace, directive: "LogNamespace="})
	}
	if r.NotifySocket != "" && root != "/" {
		list = append(list, entry{path: r.NotifySocket, mode: bind, readOnly: true, source: r.NotifySocket, directive: "RootDirectory="})
	}
	return list
}

// restrictions are those that commands with a "+" do without. fixed adds a table to the entries.
func (r *Request) restrictions(fixed func(string, []entry, bool)) []entry {
	e := r.Exec
	var list []entry
	if e.PrivateTmp {
		for _, t := range []struct{ at, source string }{{"/tmp", r.TmpDir}, {"/var/tmp", r.VarTmpDir}} {
			if t.source != "" {
				list = append(list, entry{path: t.at, mode: privateTmp, source: t.source, directive: "PrivateTmp="})
			}
		}
	}
	if e.PrivateDevices {
		list = append(list, entry{path: "/dev", mode: privateDev, directive: "PrivateDevices="})
	}
	// A /proc of processes alone has nothing else to protect.
	onlyPID := e.ProcSubset == unit.ProcSubsetPid
	if e.ProtectKernelTunables {
		fixed("ProtectKernelTunables=", kernelTunablesProc, onlyPID)
		fixed("ProtectKernelTunables=", kernelTunablesSys, false)
	}
	if e.ProtectKernelModules {
		fixed("ProtectKernelModules=", kernelModules, false)
	}
	if e.ProtectKernelLogs {
		fixed("ProtectKernelLogs=", kernelLogsProc, onlyPID)
		fixed("ProtectKernelLogs=", kernelLogsDev, false)
	}
	if e.ProtectControlGroups {
		list = append(list, entry{path: "/sys/fs/cgroup", mode: readOnly, directive: "ProtectControlGroups="})
	}
	fixed("ProtectHome=", protectHome[e.ProtectHome], false)
	fixed("ProtectSystem=", protectSystem[e.ProtectSystem], false)
	// What protects an API file system needs it to be there (namespace_info_mount_apivfs).
	switch {
	case e.ProtectProc != unit.ProtectProcDefault:
		fixed("ProtectProc=", apiVFS, false)
	case onlyPID:
		fixed("ProcSubset=", apiVFS, false)
	case e.ProtectControlGroups:
		fixed("ProtectControlGroups=", apiVFS, false)
	case e.ProtectKernelTunables:
		fixed("ProtectKernelTunables=", apiVFS, false)
	case r.apiVFS():
		fixed("MountAPIVFS=", apiVFS, false)
	}
	if e.ProtectHostname {
		fixed("ProtectHostname=", hostName, onlyPID)
	}
	if e.PrivateIPC || e.IPCNamespacePath != "" {
		list = append(list, entry{path: "/dev/mqueue", mode: mqueuefs, flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, directive: "PrivateIPC="})
	}
	return list
}

// mountWords are the options that mount(8) turns into flags of mount(2), and what takes them away.
var mountWords = map[string]struct {
	flag  uint64
	clear bool
}{
	"ro": {unix.MS_RDONLY, false}, "rw": {unix.MS_RDONLY, true}, "nosuid": {unix.MS_NOSUID, false}, "suid": {unix.MS_NOSUID, true},
	"nodev": {unix.MS_NODEV, false}, "dev": {unix.MS_NODEV, true}, "noexec": {unix.MS_NOEXEC, false}, "exec": {unix.MS_NOEXEC, true},
	"sync": {unix.MS_SYNCHRONOUS, false}, "async": {unix.MS_SYNCHRONOUS, true}, "dirsync": {unix.MS_DIRSYNC, false},
	"noatime": {unix.MS_NOATIME, false}, "atime": {unix.MS_NOATIME, true}, "nodiratime": {unix.MS_NODIRATIME, false}, "diratime": {unix.MS_NODIRATIME, true},
	"relatime": {unix.MS_RELATIME, false}, "norelatime": {unix.MS_RELATIME, true}, "strictatime": {unix.MS_STRICTATIME, false}, "nostrictatime": {unix.MS_STRICTATIME, true},
	"lazytime": {unix.MS_LAZYTIME, false}, "nolazytime": {unix.MS_LAZYTIME, true}, "silent": {unix.MS_SILENT, false}, "loud": {unix.MS_SILENT, true},
}

// mangle parts mount options into flags and the file system's own (mount_option_mangle).
func mangle(options string, flags uint64) (uint64, string) {
	var data []string
	for o := range strings.SplitSeq(options, ",") {
		switch w, ok := mountWords[o]; {
		case o == "":
		case !ok:
			data = append(data, o)
		case w.clear:
			flags &^= w.flag
		default:
			flags |= w.flag
		}
	}
	return flags, strings.Join(data, ",")
}
