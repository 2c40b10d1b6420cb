package unit

// Host is what specifiers want to know of the machine (systemd.unit(5), "Specifiers"). It is plain data: the caller
// finds it out. A field that the machine does not have is ""; DefaultHost has what does not depend on it.
type Host struct {
	Architecture string // %a: "x86-64", "arm64"
	BootID       string // %b: 32 hexadecimal digits
	MachineID    string // %m
	Hostname     string // %H
	PrettyName   string // %q: PRETTY_HOSTNAME= of /etc/machine-info; "" for the short host name
	Kernel       string // %v: the release, as of `uname -r`

	OSRelease    bool   // /etc/os-release could be read; without it the next six make a value unresolvable
	OSID         string // %o: ID=
	OSVersionID  string // %w: VERSION_ID=
	OSBuildID    string // %B: BUILD_ID=
	OSVariantID  string // %W: VARIANT_ID=
	ImageID      string // %M: IMAGE_ID=
	ImageVersion string // %A: IMAGE_VERSION=

	User, UID, Group, GID string // %u %U %g %G: of the manager
	Home, Shell           string // %h %s: of the manager's user
	TmpDir, VarTmpDir     string // %T %V: $TMPDIR, $TEMP or $TMP, else /tmp and /var/tmp

	RuntimeRoot       string // %t, and the base of RuntimeDirectory= and of a relative PIDFile=
	StateRoot         string // %S
	CacheRoot         string // %C
	LogsRoot          string // %L
	ConfigurationRoot string // %E
	CgroupRoot        string // %R, deprecated as are %c and %r
}

// DefaultHost is the part of Host that is the same on all machines: a system manager run by root.
func DefaultHost() Host {
	return Host{
		User: "root", UID: "0", Group: "root", GID: "0", Home: "/root", Shell: "/bin/sh",
		TmpDir: "/tmp", VarTmpDir: "/var/tmp",
		RuntimeRoot: "/run", StateRoot: "/var/lib", CacheRoot: "/var/cache", LogsRoot: "/var/log", ConfigurationRoot: "/etc",
	}
}

// Base is the folder below which the directories of a kind are.
func (h *Host) Base(k DirectoryKind) string {
	return [...]string{h.RuntimeRoot, h.StateRoot, h.CacheRoot, h.LogsRoot, h.ConfigurationRoot}[k]
}
