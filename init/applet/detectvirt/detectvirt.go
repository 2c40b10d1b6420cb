// Package detectvirt is systemd-detect-virt(1): which container or virtual machine this is.
package detectvirt

import (
	"keelson/init/applet"
	"keelson/init/facts"
	"keelson/supervise/unit"
)

const help = `[OPTIONS…]

Prints what kind of container or virtual machine this is; the exit status is 1 if it is none.

  -h --help             This text
     --version          The version
  -c --container        Containers only
  -v --vm               Virtual machines only, seen from outside of a container
  -r --chroot           Say by the exit status whether this is a chroot
     --private-users    Say by the exit status whether this is a user namespace
  -q --quiet            Print nothing
     --list             What there is
`

// known is what systemd has words for (virtualization_table of src/basic/virt.c).
var known = []string{
	"none", "kvm", "amazon", "qemu", "bochs", "xen", "uml", "vmware", "oracle", "microsoft", "zvm", "parallels", "bhyve", "qnx", "acrn", "powervm",
	"apple", "sre", "google", "vm-other", "systemd-nspawn", "lxc-libvirt", "lxc", "openvz", "docker", "podman", "rkt", "wsl", "proot", "pouch",
	"container-other",
}

// Main is the program; args[0] is its name.
func Main(args []string, h *applet.Host) int {
	h.Called(args[0])
	defer h.Flush()
	mode, quiet := "any", false
	set := func(m string) func() { return func() { mode = m } }
	rest, status, ok := h.Read(args[1:], append(h.About(help),
		applet.Switch("container", 'c', set("container")),
		applet.Switch("vm", 'v', set("vm")),
		applet.Switch("chroot", 'r', set("chroot")),
		applet.Switch("private-users", 0, set("private-users")),
		applet.Switch("quiet", 'q', func() { quiet = true }),
		applet.Setting{Option: applet.Option{Long: "list"}, Set: func(applet.Given) error {
			for _, k := range known {
				h.Puts(k)
			}
			return applet.ErrDone
		}},
	), applet.Permute)
	switch {
	case !ok:
		return status
	case len(rest) > 0:
		return h.Fail("%s takes no arguments.", h.Name())
	case mode == "chroot":
		return unless(h.Chroot())
	}
	f := facts.New(facts.Options{Root: h.Root, ReadOnly: true})
	if mode == "private-users" {
		return unless(f.Held([]unit.Condition{{Type: unit.ConditionVirtualization, Parameter: "private-users"}})[0])
	}
	id, container := f.Virtualization()
	if mode == "container" && !container || mode == "vm" && container {
		id = "none"
	}
	if !quiet {
		h.Puts(id)
	}
	return unless(id != "none")
}

func unless(b bool) int {
	if b {
		return 0
	}
	return 1
}
