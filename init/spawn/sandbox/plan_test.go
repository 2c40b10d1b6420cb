package sandbox

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// tree is an FS for tests: paths with what they are: "dir", "file", "char", "-> target".
type tree struct {
	files  map[string]string
	mounts []MountPoint
	noProc []string // options that NewProc refuses
}

func (t tree) Lstat(path string) (fs.FileMode, error) {
	switch what := t.files[path]; {
	case what == "dir", path == "/":
		return fs.ModeDir, nil
	case what == "file":
		return 0, nil
	case what == "char":
		return fs.ModeDevice | fs.ModeCharDevice, nil
	case strings.HasPrefix(what, "-> "):
		return fs.ModeSymlink, nil
	}
	return 0, &fs.PathError{Op: "lstat", Path: path, Err: unix.ENOENT}
}

func (t tree) ReadLink(path string) (string, error) {
	return strings.TrimPrefix(t.files[path], "-> "), nil
}

func (t tree) Mounts() []MountPoint { return t.mounts }

func (t tree) NewProc(options string) bool {
	return !slices.Contains(t.noProc, options)
}

// container is an ordinary one with merged /usr.
func container() tree {
	t := tree{files: map[string]string{}, mounts: []MountPoint{
		{"/", 0}, {"/proc", 0}, {"/dev", unix.MS_NOSUID}, {"/dev/shm", unix.MS_NOSUID}, {"/sys", unix.MS_RDONLY}, {"/sys/fs/cgroup", unix.MS_RDONLY}, {"/proc/sys", unix.MS_RDONLY},
		{"/etc/hosts", 0}, {"/run", unix.MS_NOSUID},
	}}
	for _, d := range strings.Fields(`/proc /proc/sys /proc/sys/kernel /dev /dev/pts /dev/shm /sys /sys/fs /sys/fs/cgroup /run /run/systemd /run/systemd/inaccessible /etc /home /home/u /root /usr /usr/lib /usr/lib/modules
		/usr/bin /var /var/lib /var/lib/x /var/tmp /tmp /srv /srv/root /srv/root/usr /private/tmp /private/vartmp /opt /opt/a`) {
		t.files[d] = "dir"
	}
	for _, f := range strings.Fields("/etc/hosts /proc/kallsyms /proc/sys/kernel/hostname /proc/sys/kernel/domainname /opt/file") {
		t.files[f] = "file"
	}
	for _, f := range strings.Fields("/dev/null /dev/zero /dev/tty /dev/kmsg /proc/kcore") {
		t.files[f] = "char"
	}
	t.files["/dev/ptmx"] = "-> pts/ptmx"
	t.files["/lib"], t.files["/bin"] = "-> usr/lib", "-> usr/bin"
	t.files["/var/run"] = "-> /run"
	t.files["/opt/link"] = "-> ../srv"
	t.files["/opt/loop"] = "-> loop"
	return t
}

func load(t testing.TB, lines string) *unit.ExecContext {
	t.Helper()
	var tree unit.Tree
	tree.AddFile("/etc/systemd/system/a.service", "[Service]\nExecStart=/bin/true\n"+strings.ReplaceAll(lines, "; ", "\n")+"\n")
	l := unit.NewLoader(&tree, unit.DefaultHost())
	l.Scan()
	u, diagnostics := l.Load("a.service")
	for _, d := range diagnostics {
		t.Log(d)
	}
	if u.LoadState != unit.Loaded {
		t.Fatal(u.LoadError)
	}
	return u.Exec
}

func request(t testing.TB, lines string) *Request {
	host := unit.DefaultHost()
	return &Request{Exec: load(t, lines), Host: &host, TmpDir: "/private/tmp", VarTmpDir: "/private/vartmp"}
}

// steps are those of a plan without its frame, with the root written as "@".
func steps(t testing.TB, p *Plan) []string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(p.Print()), "\n")
	before := []string{"mount / rec,slave", "-mkdir /run/systemd 0755", "-mkdir /run/systemd/unit-root 0700", "mount / /run/systemd/unit-root bind,rec"}
	after := []string{"chdir /run/systemd/unit-root", "pivot_root . .", "umount . 0x2", "chdir /", "mount / rec,shared"}
	if len(lines) < 9 || !slices.Equal(lines[:4], before) || !slices.Equal(lines[len(lines)-5:], after) {
		t.Errorf("the frame is another:\n%s", p.Print())
		return lines
	}
	lines = lines[4 : len(lines)-5]
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "/run/systemd/unit-root", "@")
	}
	return lines
}

func TestPlans(t *testing.T) {
	for _, c := range []struct {
		name, lines, want string
	}{
		{"the folder made read-only", "ReadOnlyPaths=/etc", `
			mount @/etc @/etc bind,rec
			mount @/etc remount,bind,ro
			-mount @/etc/hosts remount,bind,ro`},
		{"a mount point is not made one again", "ReadOnlyPaths=/dev", `
			mount @/dev remount,bind,ro,nosuid
			-mount @/dev/shm remount,bind,ro,nosuid`},
		{"missing paths", "ReadOnlyPaths=-/nowhere; InaccessiblePaths=-/nowhere/else", ``},
		{"stricter stays", "ReadWritePaths=/opt/a; ReadOnlyPaths=/opt/a; InaccessiblePaths=/opt/a", `
			mount /run/systemd/inaccessible/dir @/opt/a bind,rec
			mount @/opt/a remount,bind,ro,nosuid
			mount @/opt/a remount,bind,ro,nosuid,noexec`},
		{"nothing below the inaccessible", "ReadOnlyPaths=/home/u; InaccessiblePaths=/home", `
			mount /run/systemd/inaccessible/dir @/home bind,rec
			mount @/home remount,bind,ro,nosuid
			mount @/home remount,bind,ro,nosuid,noexec`},
		{"a parent says it already", "ReadOnlyPaths=/opt /opt/a", `
			mount @/opt @/opt bind,rec
			mount @/opt remount,bind,ro`},
		{"writable within", "ReadOnlyPaths=/; ReadWritePaths=/var/lib/x", `
			mount @/var/lib/x @/var/lib/x bind,rec
			mount @ remount,bind,ro
			-mount @/proc remount,bind,ro
			-mount @/dev remount,bind,ro,nosuid
			-mount @/dev/shm remount,bind,ro,nosuid
			-mount @/etc/hosts remount,bind,ro
			-mount @/run remount,bind,ro,nosuid`},
		{"the system strict", "ProtectSystem=strict; StateDirectory=x", `
			mount @/home @/home bind,rec
			mount @/root @/root bind,rec
			mount /var/lib/x @/var/lib/x bind,rec
			mount @ remount,bind,ro
			-mount @/etc/hosts remount,bind,ro
			-mount @/run remount,bind,ro,nosuid`},
		{"links are followed, /lib is in /usr", "ProtectSystem=full", `
			mount @/etc @/etc bind,rec
			mount @/usr @/usr bind,rec
			mount @/etc remount,bind,ro
			-mount @/etc/hosts remount,bind,ro
			mount @/usr remount,bind,ro`},
		{"homes away", "ProtectHome=yes", `
			mount /run/systemd/inaccessible/dir @/home bind,rec
			mount /run/systemd/inaccessible/dir @/root bind,rec
			-mount @/home remount,bind,ro,nosuid
			-mount @/root remount,bind,ro,nosuid
			-mount @/home remount,bind,ro,nosuid,noexec
			-mount @/root remount,bind,ro,nosuid,noexec`},
		{"empty homes", "ProtectHome=tmpfs; BindPaths=/opt/a:/home/a", `
			mount tmpfs @/home tmpfs nodev,strictatime,mode=0755,size=4m,nr_inodes=1k
			-mkdir @/home/a 0755
			mount /opt/a @/home/a bind,rec
			mount tmpfs @/root tmpfs nodev,strictatime,mode=0700,size=4m,nr_inodes=1k
			-mount @/home remount,bind,ro,nodev
			-mount @/root remount,bind,ro,nodev`},
		{"temporary files", "PrivateTmp=yes", `
			mount /private/tmp @/tmp bind,rec
			mount /private/vartmp @/var/tmp bind,rec`},
		{"a link below a tmpfs is gone", "TemporaryFileSystem=/var:ro,size=1m,nosuid; BindReadOnlyPaths=/opt/file:/var/run/f", `
			mount tmpfs @/var tmpfs nosuid,nodev,strictatime,mode=0755,size=10%,nr_inodes=400k,size=1m
			-mkdir @/var/run 0755
			-mknod @/var/run/f 0644
			mount /opt/file @/var/run/f bind,rec
			mount @/var remount,bind,ro,nosuid,nodev
			mount @/var/run/f remount,bind,ro`},
		{"binds", "BindPaths=/etc:/srv/etc -/nowhere:/x; BindReadOnlyPaths=/opt/link:/mnt:norbind", `
			-mkdir @/mnt 0755
			mount /srv @/mnt bind
			-mkdir @/srv/etc 0755
			mount /etc @/srv/etc bind,rec
			mount @/mnt remount,bind,ro`},
		{"submounts come along", "BindReadOnlyPaths=/etc:/srv/etc", `
			-mkdir @/srv/etc 0755
			mount /etc @/srv/etc bind,rec
			mount @/srv/etc remount,bind,ro
			-mount @/srv/etc/hosts remount,bind,ro`},
		{"execution", "NoExecPaths=/; ExecPaths=/usr", `
			mount @/usr @/usr bind,rec
			mount @ remount,bind,noexec
			-mount @/proc remount,bind,noexec
			-mount @/dev remount,bind,nosuid,noexec
			-mount @/dev/shm remount,bind,nosuid,noexec
			-mount @/sys remount,bind,ro,noexec
			-mount @/sys/fs/cgroup remount,bind,ro,noexec
			-mount @/proc/sys remount,bind,ro,noexec
			-mount @/etc/hosts remount,bind,noexec
			-mount @/run remount,bind,nosuid,noexec`},
		{"set-user-ID is useless anyway", "NoNewPrivileges=yes; ReadOnlyPaths=/opt", `
			mount @/opt @/opt bind,rec
			mount @/opt remount,bind,ro
			mount @/opt remount,bind,ro,nosuid`},
		{"processes", "ProtectProc=invisible; ProcSubset=pid", `
			mount proc @/proc proc nosuid,nodev,noexec,hidepid=invisible,subset=pid
			mount @/sys remount,bind,ro,noexec
			-mount @/sys/fs/cgroup remount,bind,ro,noexec`},
		{"the kernel's switches", "ProtectKernelTunables=yes", `
			mount proc @/proc proc nosuid,nodev,noexec
			mount /run/systemd/inaccessible/reg @/proc/kallsyms bind,rec
			mount /run/systemd/inaccessible/sock @/proc/kcore bind,rec
			mount @/proc/sys @/proc/sys bind,rec
			-mount @/proc/kallsyms remount,bind,ro,nosuid
			-mount @/proc/kcore remount,bind,ro,nosuid
			-mount @/proc/sys remount,bind,ro,nosuid,nodev,noexec
			-mount @/proc/kallsyms remount,bind,ro,nosuid,noexec
			-mount @/proc/kcore remount,bind,ro,nosuid,noexec
			mount @/sys remount,bind,ro,noexec`},
		{"devices", "PrivateDevices=yes", `
			mount tmpfs @/dev tmpfs nosuid,noexec,strictatime,mode=755,size=4m,nr_inodes=64k
			-mkdir @/dev/pts 0755
			mount /dev/pts @/dev/pts bind
			-mkdir @/dev/shm 0755
			mount /dev/shm @/dev/shm bind
			-mkdir @/dev/mqueue 0755
			-mkdir @/dev/hugepages 0755
			-symlink pts/ptmx @/dev/ptmx
			-mknod @/dev/null 0644
			mount /dev/null @/dev/null bind
			-mknod @/dev/zero 0644
			mount /dev/zero @/dev/zero bind
			-mknod @/dev/tty 0644
			mount /dev/tty @/dev/tty bind
			-symlink /run/systemd/journal/dev-log @/dev/log
			-symlink /proc/kcore @/dev/core
			-symlink /proc/self/fd @/dev/fd
			-symlink /proc/self/fd/0 @/dev/stdin
			-symlink /proc/self/fd/1 @/dev/stdout
			-symlink /proc/self/fd/2 @/dev/stderr
			mount @/dev remount,bind,ro,nosuid,noexec`},
		{"a dynamic user's state", "DynamicUser=yes; StateDirectory=x x/y; ProtectSystem=no; ProtectHome=no; PrivateTmp=no; RestrictSUIDSGID=no; RemoveIPC=no", ``},
		{"its own runtime, linked", "RuntimeDirectory=x:y; PrivateMounts=yes", `
			-mkdir @/run/x 0755
			mount /run/x @/run/x bind,rec
			-symlink x @/run/y`},
	} {
		fsys := container()
		r := request(t, c.lines)
		if r.Exec.DynamicUser {
			fsys.files["/var/lib/private"], fsys.files["/var/lib/private/x"] = "dir", "dir"
			p := Make(r, fsys)
			got := strings.Join(steps(t, &p), "\n")
			for _, want := range []string{
				"mount tmpfs @/var/lib/private tmpfs nosuid,nodev,noexec,strictatime,mode=755,size=4m,nr_inodes=1k\n-mkdir @/var/lib/private/x 0755\nmount /var/lib/private/x @/var/lib/private/x bind,rec",
				"mount @/var/lib/private/x remount,bind,nosuid",
				"mount @/var/lib/private remount,bind,ro,nosuid,nodev,noexec",
			} {
				if !strings.Contains(got, want) {
					t.Errorf("%s: no\n%s\nin\n%s", c.name, want, got)
				}
			}
			if strings.Contains(got, "x/y") {
				t.Errorf("%s: what its parent brings along is mounted too:\n%s", c.name, got)
			}
			continue
		}
		if strings.Contains(c.lines, "RuntimeDirectory") {
			fsys.files["/run/x"] = "dir"
			c.want = strings.Replace(c.want, "-mkdir @/run/x 0755", "", 1)
		}
		p := Make(r, fsys)
		if p.Err != nil {
			t.Errorf("%s: %v", c.name, p.Err)
			continue
		}
		got := strings.Join(steps(t, &p), "\n")
		if want := strings.Join(strings.FieldsFunc(strings.ReplaceAll(c.want, "\t", ""), func(r rune) bool { return r == '\n' }), "\n"); got != want {
			t.Errorf("%s: %s\ngot\n%s\nwant\n%s", c.name, c.lines, got, want)
		}
	}
}

func TestRootDirectory(t *testing.T) {
	r := request(t, "RootDirectory=/opt/link/root; ReadOnlyPaths=/usr /srv/root/usr +/usr; BindPaths=/etc; MountFlags=slave")
	r.NotifySocket = "/run/systemd/notify"
	fsys := container()
	fsys.files["/run/systemd/notify"] = "file"
	p := Make(r, fsys)
	want := strings.ReplaceAll(`mount / rec,slave
		mount /srv/root /srv/root bind,rec
		-mkdir /srv/root/dev 0755
		mount /dev /srv/root/dev bind,rec
		-mkdir /srv/root/etc 0755
		mount /etc /srv/root/etc bind,rec
		-mkdir /srv/root/proc 0755
		mount proc /srv/root/proc proc nosuid,nodev,noexec
		-mkdir /srv/root/run 0755
		mount tmpfs /srv/root/run tmpfs nosuid,nodev,strictatime,mode=755,size=20%,nr_inodes=800k
		-mkdir /srv/root/run/systemd 0755
		-mknod /srv/root/run/systemd/notify 0644
		mount /run/systemd/notify /srv/root/run/systemd/notify bind
		-mkdir /srv/root/sys 0755
		mount /sys /srv/root/sys bind,rec
		mount /srv/root/usr /srv/root/usr bind,rec
		mount /srv/root/run/systemd/notify remount,bind,ro,nosuid
		mount /srv/root/usr remount,bind,ro
		mount /srv/root/sys remount,bind,ro,noexec
		-mount /srv/root/sys/fs/cgroup remount,bind,ro,noexec
		chdir /srv/root
		pivot_root . .
		umount . 0x2
		chdir /
		mount / rec,slave
`, "\t", "")
	if got := p.Print(); got != want || p.Err != nil {
		t.Errorf("%v\n%s", p.Err, got)
	}
	if !p.Insists || !p.Namespaces[0].Fatal {
		t.Error("a root directory is not insisted on")
	}
}

func TestInsists(t *testing.T) {
	for _, c := range []struct {
		lines      string
		insists    bool
		namespaces string
	}{
		{"", false, ""},
		{"RuntimeDirectory=x", false, ""},
		{"DynamicUser=yes; ProtectSystem=no", false, "mnt"},
		{"ProtectSystem=strict; PrivateTmp=yes; PrivateDevices=yes; ProtectHome=tmpfs", false, "mnt"},
		{"BindPaths=/etc /usr:/usr/", false, "mnt"},
		{"BindPaths=/etc:/srv/etc", true, "mnt"},
		{"BindReadOnlyPaths=/dev/log:/var/lib/x/dev/log", false, "mnt"},
		{"TemporaryFileSystem=/var", true, "mnt"},
		{"LogNamespace=x", true, "mnt"},
		{"RootDirectory=/srv/root", true, "mnt"},
		{"RootImage=/x.img", true, "mnt"},
		{"MountFlags=shared", false, ""},
		{"MountFlags=slave", false, "mnt"},
		{"PrivateNetwork=yes; PrivateIPC=yes; ProtectHostname=yes; PrivateUsers=yes", false, "net ipc mnt uts user!"},
		{"NetworkNamespacePath=/run/netns/a", false, "net!/run/netns/a"},
	} {
		p := Make(request(t, c.lines), container())
		names := map[uint64]string{unix.CLONE_NEWNET: "net", unix.CLONE_NEWIPC: "ipc", unix.CLONE_NEWNS: "mnt", unix.CLONE_NEWUTS: "uts", unix.CLONE_NEWUSER: "user"}
		var got []string
		for _, n := range p.Namespaces {
			s := names[n.Flag]
			if n.Fatal && n.Flag != unix.CLONE_NEWNS {
				s += "!"
			}
			got = append(got, s+n.Path)
			if !p.Wants(n.Flag) {
				t.Errorf("%s: %s is not wanted", c.lines, s)
			}
		}
		if s := strings.Join(got, " "); s != c.namespaces || p.Insists != c.insists {
			t.Errorf("%s: %q, insists %v; want %q, %v", c.lines, s, p.Insists, c.namespaces, c.insists)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ lines, want string }{
		{"ReadOnlyPaths=/nowhere", "set up mount namespacing /nowhere: no such file or directory"},
		{"InaccessiblePaths=/nowhere", "set up mount namespacing /nowhere: no such file or directory"},
		{"BindPaths=/nowhere:/x", "set up mount namespacing /x: no such file or directory"},
		{"ReadWritePaths=/opt/loop", "set up mount namespacing /opt/loop: too many levels of symbolic links"},
		{"BindPaths=/opt/loop:/srv", "set up mount namespacing /srv: too many levels of symbolic links"},
		{"RootDirectory=/nowhere", "set up mount namespacing /nowhere: no such file or directory"},
		{"RootImage=/x.img", "set up mount namespacing RootImage=/x.img: operation not supported"},
		{"ExtensionDirectories=/x", "set up mount namespacing ExtensionDirectories=/x: operation not supported"},
	} {
		p := Make(request(t, c.lines), container())
		if p.Err == nil || p.Err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.lines, p.Err, c.want)
		}
	}
}

// What a kernel, or a user namespace, does not give.
func TestProc(t *testing.T) {
	const sys = "\nmount @/sys remount,bind,ro,noexec\n-mount @/sys/fs/cgroup remount,bind,ro,noexec"
	for _, c := range []struct {
		lines   string
		refused []string
		want    string
		remark  string
	}{
		{"ProtectProc=invisible; ProcSubset=pid", []string{"hidepid=invisible", "hidepid=invisible,subset=pid"}, "mount proc @/proc proc nosuid,nodev,noexec,subset=pid" + sys,
			"ProtectProc=: the kernel does not know /proc with hidepid=invisible (Linux 5.8), going on without."},
		{"ProtectProc=noaccess", []string{"", "hidepid=noaccess"}, "mount @/proc remount,bind,noexec\n-mount @/proc/sys remount,bind,ro,noexec" + sys,
			"ProtectProc=: a new /proc cannot be mounted here, it is the one that is there."},
	} {
		fsys := container()
		fsys.noProc = c.refused
		p := Make(request(t, c.lines), fsys)
		if got := strings.Join(steps(t, &p), "\n"); got != c.want || strings.Join(p.Remarks, ";") != c.remark {
			t.Errorf("%s: %q\n%s", c.lines, p.Remarks, got)
		}
	}
}

// A command with "+" has the arranged view, but no restrictions.
func TestPrivileged(t *testing.T) {
	r := request(t, "BindPaths=/etc:/srv/etc; ProtectSystem=strict; PrivateDevices=yes; InaccessiblePaths=/opt; PrivateNetwork=yes")
	r.Privileged = true
	p := Make(r, container())
	if got := strings.Join(steps(t, &p), "\n"); got != "-mkdir @/srv/etc 0755\nmount /etc @/srv/etc bind,rec" || len(p.Namespaces) != 1 {
		t.Errorf("%v\n%s", p.Namespaces, got)
	}
}

func TestCredentials(t *testing.T) {
	fsys := container()
	fsys.files["/run/credentials"], fsys.files["/run/credentials/a.service"] = "dir", "dir"
	r := request(t, "PrivateMounts=yes")
	p := Make(r, fsys)
	if got := steps(t, &p); got[0] != "mount /run/systemd/inaccessible/dir @/run/credentials bind,rec" {
		t.Errorf("without credentials, others' can be seen: %q", got)
	}
	r.Credentials = "/run/credentials/a.service"
	p = Make(r, fsys)
	want := `mount tmpfs @/run/credentials tmpfs nosuid,nodev,noexec,strictatime,mode=0755,size=4m,nr_inodes=1k
-mkdir @/run/credentials/a.service 0755
mount /run/credentials/a.service @/run/credentials/a.service bind
mount @/run/credentials remount,bind,ro,nosuid,nodev,noexec
mount @/run/credentials/a.service remount,bind,ro,nosuid`
	if got := strings.Join(steps(t, &p), "\n"); got != want {
		t.Error(got)
	}
}

func TestMountinfo(t *testing.T) {
	got := ParseMountinfo([]byte(`22 1 0:20 / / rw,relatime shared:1 - overlay overlay rw
23 22 0:21 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
24 22 0:22 / /a\040b ro,noatime - tmpfs tmpfs rw
broken
25 23 0:23 / /proc ro - tmpfs tmpfs rw
26 22 0:24 / /sys rw - sysfs sysfs rw
27 26 0:25 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs rw
28 22 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw
29 28 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw
30 23 0:27 / /proc/hidden rw - tmpfs tmpfs rw
`))
	want := []MountPoint{{"/", 0}, {"/proc", unix.MS_RDONLY}, {"/a b", unix.MS_RDONLY | unix.MS_NOATIME}, {"/sys", 0}, {"/sys/fs/cgroup", unix.MS_RDONLY | unix.MS_NOSUID}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func BenchmarkStrict(b *testing.B) {
	r := request(b, "ProtectSystem=strict; ProtectHome=yes; PrivateTmp=yes; PrivateDevices=yes; ProtectKernelTunables=yes; ProtectKernelModules=yes; ProtectControlGroups=yes; ProtectKernelLogs=yes; StateDirectory=x")
	for b.Loop() {
		Make(r, container())
	}
}
