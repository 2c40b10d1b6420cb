package tmpfiles

import "golang.org/x/sys/unix"

func bind(p string) error { return unix.Mount(p, p, "", unix.MS_BIND, "") }

func mountReadOnly(p string) error {
	if err := bind(p); err != nil {
		return err
	}
	err := unix.Mount("", p, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	if err != nil {
		unmount(p)
	}
	return err
}

func unmount(p string) { unix.Unmount(p, unix.MNT_DETACH) }
