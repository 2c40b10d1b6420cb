package loop

import (
	"slices"
	"testing"

	"keelson/supervise"
)

func TestMountPoints(t *testing.T) {
	const text = `612 531 0:52 / / rw,relatime master:191 - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/u
613 612 0:55 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
620 612 8:1 /var/lib/docker/hosts /etc/hosts rw,relatime - ext4 /dev/sda1 rw
621 612 0:60 / /srv/a\040b\134c ro,relatime shared:3 master:4 - tmpfs my\040source rw,size=64k
622 612 0:61 / /ro rw - fuse.x none ro,user_id=0
623 612 0:62 / /bare rw - tmpfs tmpfs
not a line
624 612 0:62 / /short rw -
`
	want := []supervise.MountPoint{
		{Where: "/", What: "overlay", FSType: "overlay", Options: "rw,relatime,lowerdir=/l/A:/l/B,upperdir=/u"},
		{Where: "/proc", What: "proc", FSType: "proc", Options: "rw,nosuid,nodev,noexec,relatime"},
		{Where: "/etc/hosts", What: "/dev/sda1", FSType: "ext4", Options: "rw,relatime"},
		{Where: `/srv/a b\c`, What: "my source", FSType: "tmpfs", Options: "ro,relatime,size=64k"},
		{Where: "/ro", What: "none", FSType: "fuse.x", Options: "ro,user_id=0"},
		{Where: "/bare", What: "tmpfs", FSType: "tmpfs", Options: "rw"},
	}
	if got := mountPoints([]byte(text)); !slices.Equal(got, want) {
		t.Errorf("%+v\nnot %+v", got, want)
	}
}
