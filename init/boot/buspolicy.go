package boot

import (
	"fmt"
	"os"
	"path/filepath"
)

// busPolicy is what dbus-daemon(1) has to be told for root to own the manager's name. systemd's package brings one; an image with a bus and without that
// package has none, and then the bus lets everybody who asks for the manager wait for its activation timeout. The manager itself refuses changes to
// all but root.
const busPolicy = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<!-- Written by keelson: the manager of this container on the system bus. -->
<busconfig>
  <policy user="root">
    <allow own="org.freedesktop.systemd1"/>
  </policy>
  <policy context="default">
    <allow send_destination="org.freedesktop.systemd1"/>
    <allow receive_sender="org.freedesktop.systemd1"/>
  </policy>
</busconfig>
`

const policyName = "org.freedesktop.systemd1.conf"

// busPolicies are the folders that the bus reads policies from.
var busPolicies = []string{"/usr/share/dbus-1/system.d", "/etc/dbus-1/system.d"}

// permitOnBus writes the policy where there is a bus and no policy.
func permitOnBus() []string {
	if _, err := os.Stat("/usr/share/dbus-1/system.conf"); err != nil {
		return nil
	}
	for _, dir := range busPolicies {
		if _, err := os.Stat(filepath.Join(dir, policyName)); err == nil {
			return nil
		}
	}
	file := filepath.Join(busPolicies[1], policyName)
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(busPolicy), 0o644)
	}
	if err != nil {
		return []string{fmt.Sprintf("%v: the manager cannot be asked on the system bus; put that file into the image, or install systemd's package", err)}
	}
	return nil
}
