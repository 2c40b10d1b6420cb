package spawn

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/spawn/sandbox"
	"keelson/supervise/unit"
)

const sandboxRemedy = "docker run --cap-add SYS_ADMIN --security-opt apparmor=unconfined lets keelson make one"

// ownsView tells whether the process gets a mount namespace. It also decides on that, when first asked.
func (b *builder) ownsView() bool {
	b.planView()
	return b.plan != nil
}

// planView asks package sandbox. Which namespaces there can be is looked up here, so a plan is only made where it can be carried out.
func (b *builder) planView() {
	if b.viewed {
		return
	}
	b.viewed = true
	exec := *b.x
	if !b.chrooted {
		exec.RootDirectory, exec.RootImage = "", ""
	}
	r := sandbox.Request{Exec: &exec, Host: &b.c.Host, Privileged: !b.sandboxed}
	if at := path.Join(b.c.Host.RuntimeRoot, "credentials", b.e.Unit); b.hasCredentials() && (b.writesCredentials() || unix.Access(at, unix.F_OK) == nil) {
		r.Credentials = at
	}
	for _, v := range b.e.Environment {
		if s, ok := strings.CutPrefix(v, "NOTIFY_SOCKET="); ok && !strings.HasPrefix(s, "@") {
			r.NotifySocket = s
		}
	}
	privateTmp := exec.PrivateTmp && b.sandboxed
	if privateTmp {
		r.TmpDir, r.VarTmpDir = temporaryBases[0], temporaryBases[1] // whether a namespace is needed does not depend on the names
	}
	first := sandbox.Make(&r, emptyFS{})
	b.wanted = first.Namespaces
	if !first.Wants(unix.CLONE_NEWNS) {
		return
	}
	if err := b.c.may(unix.CLONE_NEWNS); err != nil && !b.userFirst() {
		b.refuseView(&exec, first.Insists, err)
		return
	}
	if privateTmp {
		r.TmpDir, r.VarTmpDir = b.temporaryFolders()
	}
	b.request = &r
	b.plan = &sandbox.Plan{}
}

// refuseView: without a mount namespace, what rearranges the view is an error, and what protects is left off (apply_mount_namespace in
// src/core/execute.c). systemd insists on one for any dynamic user. Here it matters only if the user is not dynamic at all, or if files are left behind whose
// owner's id follows from no name that the unit gives. A unit that names its user has its directories in their public places, given to that user's id at each start.
func (b *builder) refuseView(exec *unit.ExecContext, insists bool, err error) {
	reason := "takes a mount namespace, which is denied here (" + describe(errnoOf(err)) + "); " + sandboxRemedy
	var kept []string
	for _, k := range []unit.DirectoryKind{unit.StateDirectory, unit.CacheDirectory, unit.LogsDirectory} {
		if len(exec.Directories[k].List) > 0 {
			kept = append(kept, k.String())
		}
	}
	if exec.DynamicUser && (b.life().static || kept != nil && !b.namesUser()) {
		insists = true
	}
	names := viewDirectives(exec)
	if insists {
		b.refusal = because(unix.EOPNOTSUPP, "%s: %s", strings.Join(names, " "), reason)
		return
	}
	if b.c.Strict {
		b.refusal = because(unix.EPERM, "%s: %s", strings.Join(names, " "), reason)
		return
	}
	for _, name := range names {
		b.degraded = append(b.degraded, Degradation{name, reason})
	}
	for _, k := range kept {
		if exec.DynamicUser {
			b.degraded = append(b.degraded, Degradation{k + "=", "is not private to DynamicUser=, which takes a mount namespace; " + sandboxRemedy})
		}
	}
}

// namesUser tells whether User= is the unit's own word, and not made of the unit's name (user_from_unit_name in src/core/unit.c).
func (b *builder) namesUser() bool {
	prefix, _, _, _, _ := unit.SplitName(b.e.Unit)
	return b.x.User != prefix && !strings.HasPrefix(b.x.User, "_du")
}

func errnoOf(err error) (e unix.Errno) {
	if !asErrno(err, &e) {
		return unix.EINVAL
	}
	return e
}

// viewDirectives are the directives of a unit that a mount namespace serves.
func viewDirectives(x *unit.ExecContext) []string {
	var list []string
	add := func(on bool, text string) {
		if on {
			list = append(list, text)
		}
	}
	paths := func(name string, rules []unit.PathRule) {
		for _, r := range rules {
			list = append(list, name+"="+r.Path)
		}
	}
	add(x.RootDirectory != "", "RootDirectory="+x.RootDirectory)
	add(x.RootImage != "", "RootImage="+x.RootImage)
	paths("ReadWritePaths", x.ReadWritePaths)
	paths("ReadOnlyPaths", x.ReadOnlyPaths)
	paths("InaccessiblePaths", x.InaccessiblePaths)
	paths("ExecPaths", x.ExecPaths)
	paths("NoExecPaths", x.NoExecPaths)
	for _, m := range x.Binds {
		add(!m.ReadOnly, "BindPaths="+m.Source+":"+m.Destination)
		add(m.ReadOnly, "BindReadOnlyPaths="+m.Source+":"+m.Destination)
	}
	for _, t := range x.TemporaryFS {
		list = append(list, "TemporaryFileSystem="+t.Path)
	}
	for _, i := range x.MountImages {
		list = append(list, "MountImages="+i.Source)
	}
	for _, i := range x.ExtensionImages {
		list = append(list, "ExtensionImages="+i.Source)
	}
	paths("ExtensionDirectories", x.ExtensionDirectories)
	add(x.DynamicUser, "DynamicUser=yes")
	add(x.PrivateTmp, "PrivateTmp=yes")
	add(x.PrivateDevices, "PrivateDevices=yes")
	add(x.PrivateMounts, "PrivateMounts=yes")
	add(x.MountFlags == unit.PropagationSlave || x.MountFlags == unit.PropagationPrivate, "MountFlags="+x.MountFlags.String())
	add(x.ProtectSystem != unit.ProtectSystemNo, "ProtectSystem="+x.ProtectSystem.String())
	add(x.ProtectHome != unit.ProtectHomeNo, "ProtectHome="+x.ProtectHome.String())
	add(x.ProtectKernelTunables, "ProtectKernelTunables=yes")
	add(x.ProtectKernelModules, "ProtectKernelModules=yes")
	add(x.ProtectKernelLogs, "ProtectKernelLogs=yes")
	add(x.ProtectControlGroups, "ProtectControlGroups=yes")
	add(x.ProtectProc != unit.ProtectProcDefault, "ProtectProc="+x.ProtectProc.String())
	add(x.ProcSubset != unit.ProcSubsetAll, "ProcSubset="+x.ProcSubset.String())
	add(x.LogNamespace != "", "LogNamespace="+x.LogNamespace)
	return list
}

var temporaryBases = []string{"/tmp", "/var/tmp"}

// temporary is the folder that is /tmp or /var/tmp to a unit's processes; what they see is the folder tmp in it.
func (l *common) temporary(base string) string { return path.Join(base, l.private) }

// temporaryFolders makes PrivateTmp='s folders, or finds those that another process of the unit has made (setup_one_tmp_dir in src/core/namespace.c).
func (b *builder) temporaryFolders() (tmp, varTmp string) {
	l := b.life()
	fresh := l.private == ""
	if fresh {
		boot := strings.ReplaceAll(readWord("/proc/sys/kernel/random/boot_id"), "-", "")
		l.private = fmt.Sprintf("systemd-private-%s-%s-%s", boot, b.e.Unit, randomName())
	}
	var list [2]string
	for i, base := range temporaryBases {
		var fsinfo unix.Statfs_t
		if unix.Statfs(base, &fsinfo) != nil || fsinfo.Flags&unix.ST_RDONLY != 0 {
			continue // nothing can be kept there anyway
		}
		at := l.temporary(base)
		list[i] = path.Join(at, "tmp")
		var st unix.Stat_t
		if !fresh && unix.Lstat(at, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && int(st.Uid) == b.m.UID {
			continue
		}
		b.add(mkdir("set up PrivateTmp=", at, 0o700).exit(exitNamespace))
		b.add(mkdir("set up PrivateTmp=", list[i], 0o1777).exit(exitNamespace))
		b.pend(at)
		b.pend(list[i])
	}
	return list[0], list[1]
}

// view carries the plan out.
func (b *builder) view() {
	b.inaccessibleNodes()
	*b.plan = sandbox.Make(b.request, overlayFS{&b.c.view, b})
	for _, r := range b.plan.Remarks {
		directive, reason, ok := strings.Cut(r, ": ")
		if !ok {
			directive, reason = "sandboxing", r
		}
		b.degraded = append(b.degraded, Degradation{strings.TrimSuffix(directive, "="), reason})
	}
	if b.plan.Err != nil {
		b.fail(exitNamespace, "set up mount namespacing", b.plan.Err)
		return
	}
	b.add(unshare(unix.CLONE_NEWNS).exit(exitNamespace))
	steps := b.plan.Steps
	for i, s := range steps {
		switch {
		case b.m.Pivot:
		case s.Op == sandbox.Pivot:
			// The view, which is the working directory, is moved over the old root.
			const purpose = "set up mount namespacing: move the root"
			b.add(Mount(purpose, ".", "/", "", unix.MS_MOVE).exit(exitNamespace))
			b.add(call("chroot", unix.SYS_CHROOT, purpose, Str(".")).exit(exitNamespace))
			continue
		case s.Op == sandbox.Unmount && i > 0 && steps[i-1].Op == sandbox.Pivot:
			continue // of the old root
		}
		c := sandboxCall(s).exit(exitNamespace)
		if s.Optional {
			c = c.MayFail()
		}
		b.add(c)
	}
}

func sandboxCall(s sandbox.Step) Call {
	purpose := "set up mount namespacing: " + s.String()
	if s.Directive != "" {
		purpose = s.Directive + ": " + s.String()
	}
	pointer := func(s string) Arg {
		if s == "" {
			return Null()
		}
		return Str(s)
	}
	switch s.Op {
	case sandbox.Mount:
		return call("mount", unix.SYS_MOUNT, purpose, pointer(s.Source), Str(s.Target), pointer(s.Type), flags(s.Flags, mountFlags), pointer(s.Data))
	case sandbox.Unmount:
		return Unmount(purpose, s.Target, s.Flags)
	case sandbox.Mkdir:
		return mkdir(purpose, s.Target, s.Mode)
	case sandbox.Mknod:
		return call("mknodat", unix.SYS_MKNODAT, purpose, atCWD, Str(s.Target), octal(s.Mode), Int(0))
	case sandbox.Symlink:
		return symlink(purpose, s.Source, s.Target)
	case sandbox.Pivot:
		return PivotRoot(purpose, s.Source, s.Target)
	}
	c := Chdir(s.Target)
	c.For = purpose
	return c
}

// inaccessibleNodes makes what inaccessible paths are covered with.
func (b *builder) inaccessibleNodes() {
	if b.c.nodes {
		return
	}
	b.c.nodes = true
	os.MkdirAll("/run/systemd", 0o755)
	for _, n := range sandbox.InaccessibleNodes {
		if n.Mode&unix.S_IFMT == unix.S_IFDIR {
			os.Mkdir(n.Path, fs.FileMode(n.Mode&0o777))
			os.Chmod(n.Path, fs.FileMode(n.Mode&0o777))
		} else {
			unix.Mknod(n.Path, n.Mode, 0)
		}
	}
}

// emptyFS has nothing in it: enough to learn which namespaces a plan has.
type emptyFS struct{}

func (emptyFS) Lstat(string) (fs.FileMode, error) { return 0, fs.ErrNotExist }
func (emptyFS) ReadLink(string) (string, error)   { return "", fs.ErrNotExist }
func (emptyFS) Mounts() []sandbox.MountPoint      { return nil }
func (emptyFS) NewProc(string) bool               { return false }

// overlayFS is this process's view with what the list will have made.
type overlayFS struct {
	sandbox.FS
	b *builder
}

func (o overlayFS) Lstat(at string) (fs.FileMode, error) {
	if mode, ok := o.b.pending[at]; ok {
		return mode, nil
	}
	return o.FS.Lstat(at)
}

func (o overlayFS) ReadLink(at string) (string, error) {
	if target := o.b.targets[at]; target != "" {
		return target, nil
	}
	return o.FS.ReadLink(at)
}

// changeRoot is RootDirectory= where nothing else of the view changes (apply_root_directory in src/core/execute.c).
func (b *builder) changeRoot() {
	if root := b.x.RootDirectory; b.chrooted && b.plan == nil && root != "" && root != "/" {
		b.add(call("chroot", unix.SYS_CHROOT, "change the root directory to "+root, Str(root)).exit(exitChroot))
	}
}

// changeDirectory: the directory may be one that only the user can enter (apply_working_directory in src/core/execute.c).
func (b *builder) changeDirectory() {
	x := b.x
	dir := x.WorkingDirectory
	switch {
	case x.WorkingDirectoryHome && b.who.home == "":
		b.fail(exitChdir, "change to the home directory", because(unix.ENXIO, "the user has none"))
		return
	case x.WorkingDirectoryHome:
		dir = b.who.home
	case dir == "":
		dir = "/"
	}
	if !b.chrooted {
		dir = path.Join("/", x.RootDirectory, dir)
	}
	c := Chdir(dir).exit(exitChdir)
	if x.WorkingDirectoryMissingOK {
		c = c.MayFail()
	}
	b.add(c)
}

// elsewhere tells whether the process's file system is another than this process's.
func (b *builder) elsewhere() bool {
	root := b.x.RootDirectory
	return b.plan != nil || b.chrooted && root != "" && root != "/"
}
