package boot

import (
	"keelson/init/loop"
	"keelson/supervise/unit"
)

// A held unit is one of systemd's own that has nothing to do in a container, or whose work keelson does itself. It is masked from the folder of
// generators, so that a unit of that name in /etc is still somebody's own and comes first.
type held struct {
	unit   string
	reason string
}

const (
	journalIsOurs = "keelson keeps the journal itself"
	doneAtBoot    = "keelson applies it at boot"
	noHardware    = "it is about hardware, which is the host's"
	noKernel      = "it is about the kernel, which is the host's"
	noMounts      = "a container's mounts are its runtime's"
	noSeats       = "a container has no seats, and its logins are those of its services"
	noNetwork     = "a container's network is its runtime's"
	noConsole     = "a container has no virtual terminals; its terminal is that of -- COMMAND"
)

// Held are the units that are held back, and why.
var Held = []held{
	{"systemd-journald.service", journalIsOurs},
	{"systemd-journald.socket", journalIsOurs},
	{"systemd-journald-dev-log.socket", journalIsOurs},
	{"systemd-journald-audit.socket", journalIsOurs},
	{"systemd-journald-varlink@.socket", journalIsOurs},
	{"systemd-journald@.service", journalIsOurs},
	{"systemd-journald@.socket", journalIsOurs},
	{"systemd-journal-flush.service", journalIsOurs},
	{"systemd-journal-catalog-update.service", journalIsOurs},
	{"systemd-tmpfiles-setup.service", doneAtBoot},
	{"systemd-tmpfiles-setup-dev.service", doneAtBoot},
	{"systemd-tmpfiles-setup-dev-early.service", doneAtBoot},
	{"systemd-sysusers.service", doneAtBoot},
	{"systemd-machine-id-commit.service", doneAtBoot},
	{"systemd-update-utmp.service", doneAtBoot},
	{"systemd-update-utmp-runlevel.service", doneAtBoot},
	{"systemd-firstboot.service", "it asks questions"},
	{"systemd-udevd.service", noHardware},
	{"systemd-udevd-control.socket", noHardware},
	{"systemd-udevd-kernel.socket", noHardware},
	{"systemd-udev-trigger.service", noHardware},
	{"systemd-udev-settle.service", noHardware},
	{"systemd-hwdb-update.service", noHardware},
	{"systemd-backlight@.service", noHardware},
	{"systemd-rfkill.service", noHardware},
	{"systemd-rfkill.socket", noHardware},
	{"systemd-pcrphase.service", noHardware},
	{"systemd-pcrphase-sysinit.service", noHardware},
	{"systemd-pcrphase-initrd.service", noHardware},
	{"systemd-boot-system-token.service", noHardware},
	{"systemd-boot-update.service", noHardware},
	{"systemd-bless-boot.service", noHardware},
	{"fstrim.timer", noHardware},
	{"fstrim.service", noHardware},
	{"e2scrub_all.timer", noHardware},
	{"e2scrub_reap.service", noHardware},
	{"mdmonitor.service", noHardware},
	{"systemd-modules-load.service", noKernel},
	{"kmod-static-nodes.service", noKernel},
	{"modprobe@.service", noKernel},
	{"systemd-sysctl.service", noKernel},
	{"systemd-random-seed.service", noKernel},
	{"systemd-binfmt.service", noKernel},
	{"systemd-pstore.service", noKernel},
	{"systemd-oomd.service", noKernel},
	{"systemd-oomd.socket", noKernel},
	{"systemd-timesyncd.service", "the clock is the host's"},
	{"systemd-initctl.socket", "keelson needs no FIFO"},
	{"systemd-initctl.service", "keelson needs no FIFO"},
	{"systemd-remount-fs.service", noMounts},
	{"systemd-repart.service", noMounts},
	{"systemd-growfs@.service", noMounts},
	{"systemd-growfs-root.service", noMounts},
	{"systemd-fsck-root.service", noMounts},
	{"systemd-fsck@.service", noMounts},
	{"systemd-quotacheck.service", noMounts},
	{"proc-sys-fs-binfmt_misc.automount", noMounts},
	{"proc-sys-fs-binfmt_misc.mount", noMounts},
	{"dev-hugepages.mount", noMounts},
	{"dev-mqueue.mount", noMounts},
	{"sys-kernel-debug.mount", noMounts},
	{"sys-kernel-tracing.mount", noMounts},
	{"sys-kernel-config.mount", noMounts},
	{"sys-fs-fuse-connections.mount", noMounts},
	{"tmp.mount", noMounts},
	{"run-lock.mount", noMounts},
	{"systemd-logind.service", noSeats},
	{"dbus-org.freedesktop.login1.service", noSeats},
	{"user@.service", noSeats},
	{"user-runtime-dir@.service", noSeats},
	{"systemd-networkd.service", noNetwork},
	{"systemd-networkd.socket", noNetwork},
	{"systemd-networkd-wait-online.service", noNetwork},
	{"systemd-network-generator.service", noNetwork},
	{"ifupdown-pre.service", noNetwork},
	{"ifupdown-wait-online.service", noNetwork},
	{"networking.service", noNetwork},
	{"NetworkManager.service", noNetwork},
	{"NetworkManager-wait-online.service", noNetwork},
	{"getty@.service", noConsole},
	{"serial-getty@.service", noConsole},
	{"console-getty.service", noConsole},
	{"container-getty@.service", noConsole},
	{"autovt@.service", noConsole},
	{"getty-static.service", noConsole},
	{"systemd-vconsole-setup.service", noConsole},
	{"console-setup.service", noConsole},
	{"keyboard-setup.service", noConsole},
	{"systemd-ask-password-console.path", noConsole},
	{"systemd-ask-password-console.service", noConsole},
	{"systemd-ask-password-wall.path", noConsole},
	{"systemd-ask-password-wall.service", noConsole},
	{"rescue.service", noConsole},
	{"emergency.service", noConsole},
}

// hold masks the held units, but for mounts that are there.
func hold(files loop.Files, isMountPoint func(path string) bool) {
	for _, h := range Held {
		if where, err := unit.PathFromName(h.unit); err == nil && unit.TypeOf(h.unit) == unit.TypeMount && isMountPoint(where) {
			continue
		}
		files.Own.AddLink(generated+h.unit, "/dev/null")
	}
}
