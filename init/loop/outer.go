package loop

import (
	"fmt"
	"os"

	"github.com/coreos/go-systemd/v22/daemon"

	"keelson/supervise/unit"
)

// Outer is the manager outside of the container, if it wants to be told how things are here: systemd-nspawn, podman with --sdnotify=container,
// or a unit that runs keelson (systemd's container interface, $NOTIFY_SOCKET).
type Outer struct{ wanted bool }

// NewOuter looks for one.
func NewOuter(environ []string) *Outer {
	path, ok := unit.LookupIn(environ)("NOTIFY_SOCKET")
	if !ok || path == "" {
		return &Outer{}
	}
	os.Setenv("NOTIFY_SOCKET", path)
	return &Outer{wanted: true}
}

func (o *Outer) tell(state string) {
	if o != nil && o.wanted {
		daemon.SdNotify(false, state) // nobody here can help it if nobody there listens
	}
}

// Ready says that the boot or a reload is over (manager_send_ready in src/core/manager.c).
func (o *Outer) Ready() { o.tell(daemon.SdNotifyReady + "\nSTATUS=Ready.") }

// Reloading says that all unit files are read again, until Ready (manager_send_reloading there, since systemd 253).
func (o *Outer) Reloading() {
	o.tell(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, Now().Monotonic))
}

// Stopping says that the way down has begun.
func (o *Outer) Stopping() { o.tell(daemon.SdNotifyStopping) }

// Ended says what the container ends with.
func (o *Outer) Ended(status int) { o.tell(fmt.Sprintf("EXIT_STATUS=%d", status)) }
