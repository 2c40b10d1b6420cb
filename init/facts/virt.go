package facts

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"keelson/supervise/unit"
)

// containers are the managers that systemd has a name for; any other is "container-other".
var containers = []string{"lxc", "lxc-libvirt", "systemd-nspawn", "docker", "podman", "rkt", "wsl", "proot", "pouch", "openvz"}

// Virtualization is what this runs in, in the words of systemd-detect-virt(1): a container, else a virtual machine; "none" is neither.
func (f *Facts) Virtualization() (id string, container bool) {
	if id := f.container(); id != "none" {
		return id, true
	}
	return f.machine(), false
}

// container is detect_container of src/basic/virt.c, and two more signs, for those container managers that leave none of systemd's.
func (f *Facts) container() string {
	if f.exists("/proc/vz") && !f.exists("/proc/bc") {
		return "openvz"
	}
	if release := f.line("/proc/sys/kernel/osrelease"); strings.Contains(release, "Microsoft") || strings.Contains(release, "WSL") {
		return "wsl"
	}
	if tracer, ok := f.field("/proc/self/status", "TracerPid"); ok && tracer != "0" && strings.HasPrefix(f.line("/proc/"+tracer+"/comm"), "proot") {
		return "proot"
	}
	if name := f.line("/run/host/container-manager"); name != "" {
		return f.manager(name)
	}
	if os.Getpid() == 1 && f.root == "" {
		if name, ok := os.LookupEnv("container"); ok {
			return f.manager(name)
		}
	} else {
		if name := f.line("/run/systemd/container"); name != "" {
			return f.manager(name)
		}
		text, _ := f.read("/proc/1/environ")
		for _, assignment := range strings.Split(text, "\x00") {
			if name, ok := strings.CutPrefix(assignment, "container="); ok {
				return f.manager(name)
			}
		}
	}
	if id := f.marked(); id != "none" {
		return id
	}
	if f.ownCgroups() || f.inner() {
		return "container-other"
	}
	return "none"
}

// manager is a name that a container manager gives itself in $container. Empty says that there is none; "oci" is a standard, so that
// files may know more.
func (f *Facts) manager(name string) string {
	switch {
	case name == "":
		return "none"
	case name == "oci" && f.marked() != "none":
		return f.marked()
	case slices.Contains(containers, name):
		return name
	}
	return "container-other"
}

// marked is what files say that container managers leave.
func (f *Facts) marked() string {
	switch {
	case f.exists("/run/.containerenv"):
		return "podman"
	case f.exists("/.dockerenv"): // the last one: it may have come with an image
		return "docker"
	}
	return "none"
}

// ownCgroups tells whether there is a cgroup namespace: its root is not that of the machine (running_in_cgroupns in
// src/basic/virt.c).
func (f *Facts) ownCgroups() bool {
	unified, err := f.unified()
	switch {
	case err != nil:
		return false
	case unified:
		return f.exists("/sys/fs/cgroup/cgroup.events") && (f.exists("/sys/fs/cgroup/cgroup.type") || !f.exists("/sys/kernel/cgroup/features"))
	}
	return f.exists("/sys/fs/cgroup/systemd") && !f.exists("/sys/fs/cgroup/systemd/release_agent")
}

// firstPIDNamespace is the inode of the machine's own PID namespace (PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h).
const firstPIDNamespace = "pid:[4026531836]"

// inner tells whether this is in a PID namespace that somebody made, as Kubernetes makes them without a word.
func (f *Facts) inner() bool {
	link, err := os.Readlink(f.at("/proc/self/ns/pid"))
	return err == nil && link != firstPIDNamespace
}

// vendors are the beginnings of what firmware says of itself, and the virtual machine that they mean (detect_vm_dmi_vendor in
// src/basic/virt.c).
var vendors = []struct{ begins, id string }{
	{"KVM", "kvm"}, {"OpenStack", "kvm"}, {"KubeVirt", "kvm"}, {"Amazon EC2", "amazon"}, {"QEMU", "qemu"}, {"VMware", "vmware"}, {"VMW", "vmware"},
	{"innotek GmbH", "oracle"}, {"VirtualBox", "oracle"}, {"Xen", "xen"}, {"Bochs", "bochs"}, {"Parallels", "parallels"},
	{"BHYVE", "bhyve"}, {"Hyper-V", "microsoft"}, {"Apple Virtualization", "apple"},
}

// hypervisors are what hypervisors call themselves to CPUID, and the virtual machine that it means (detect_vm_cpuid there).
var hypervisors = map[string]string{
	"XenVMMXenVMM": "xen", "KVMKVMKVM": "kvm", "Linux KVM Hv": "kvm", "TCGTCGTCGTCG": "qemu", "VMwareVMware": "vmware",
	"Microsoft Hv": "microsoft", "bhyve bhyve ": "bhyve", "QNXQVMBSQG": "qnx", "ACRNACRNACRN": "acrn",
}

const (
	noMachine    = "none"
	otherMachine = "vm-other"
)

// machine is the virtual machine (detect_vm in src/basic/virt.c). The signs that come first are those that hold even where a later one says
// otherwise.
func (f *Facts) machine() string {
	firmware := f.firmware()
	if slices.Contains([]string{"oracle", "xen", "amazon", "parallels"}, firmware) {
		return firmware
	}
	other := noMachine
	for _, sign := range []func() string{f.userMode, f.xen, f.processor, func() string { return firmware }, f.hypervisor, f.deviceTree} {
		switch id := sign(); id {
		case noMachine:
		case otherMachine:
			other = id
		default:
			return id
		}
	}
	return other
}

// firmware is what the firmware says. Amazon's names are on machines of metal too.
func (f *Facts) firmware() string {
	const dmi = "/sys/class/dmi/id/"
	bios, _ := f.read("/sys/firmware/dmi/entries/0-0/raw") // SMBIOS, "BIOS Information": a bit of byte 19 says that this is a virtual machine
	known := len(bios) >= 20 && bios[1] >= 20
	virtual := known && bios[19]&(1<<4) != 0
	for _, file := range []string{"product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"} {
		text := f.line(dmi + file)
		for _, v := range vendors {
			switch {
			case !strings.HasPrefix(text, v.begins):
			case v.id != "amazon", virtual, !known && !strings.HasSuffix(f.line(dmi+"product_name"), ".metal"):
				return v.id
			default:
				return noMachine
			}
		}
	}
	if virtual {
		return otherMachine
	}
	return noMachine
}

func (f *Facts) userMode() string {
	if vendor, _ := f.field("/proc/cpuinfo", "vendor_id"); strings.HasPrefix(vendor, "User Mode Linux") {
		return "uml"
	}
	return noMachine
}

// xen is "xen" but for its first domain, which has the hardware.
func (f *Facts) xen() string {
	if !f.exists("/proc/xen") || slices.Contains(strings.Split(f.line("/proc/xen/capabilities"), ","), "control_d") {
		return noMachine
	}
	return "xen"
}

// processor is what the processor says of its hypervisor.
func (f *Facts) processor() string {
	if flags, _ := f.field("/proc/cpuinfo", "flags"); !slices.Contains(strings.Fields(flags), "hypervisor") {
		return noMachine
	}
	if f.root == "" {
		if id, ok := hypervisors[hypervisorName()]; ok {
			return id
		}
	}
	return otherMachine
}

func (f *Facts) hypervisor() string {
	switch f.line("/sys/hypervisor/type") {
	case "":
		return noMachine
	case "xen":
		return "xen"
	}
	return otherMachine
}

func (f *Facts) deviceTree() string {
	switch compatible := strings.TrimRight(f.line("/proc/device-tree/hypervisor/compatible"), "\x00"); {
	case compatible == "":
		return noMachine
	case compatible == "linux,kvm":
		return "kvm"
	case strings.Contains(compatible, "xen"):
		return "xen"
	case strings.Contains(compatible, "vmware"):
		return "vmware"
	}
	return otherMachine
}

// isVirtualization: yes or no, vm, container, private-users, or a name.
func (f *Facts) isVirtualization(parameter string) bool {
	if parameter == "private-users" {
		return f.privateUsers()
	}
	id, container := f.Virtualization()
	if want, ok := unit.ParseBoolean(parameter); ok {
		return want == (id != "none")
	}
	switch parameter {
	case "vm":
		return !container && id != "none"
	case "container":
		return container
	}
	return id != "none" && id == parameter
}

// privateUsers tells whether this is in a user namespace other than the first, whose maps map all ids to themselves
// (running_in_userns in src/basic/virt.c).
func (f *Facts) privateUsers() bool {
	for _, file := range []string{"/proc/self/uid_map", "/proc/self/gid_map"} {
		text, err := f.read(file)
		if err != nil {
			return false // this kernel has none
		}
		w := strings.Fields(text)
		if len(w) != 3 || w[0] != "0" || w[1] != "0" || w[2] != strconv.FormatUint(1<<32-1, 10) {
			return true
		}
	}
	return f.line("/proc/self/setgroups") == "deny"
}
