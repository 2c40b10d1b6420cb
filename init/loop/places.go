package loop

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Places are the files by which others reach the manager.
type Places struct {
	Run         string // /run, or where a manager without one has its sockets
	Notify      string // $NOTIFY_SOCKET of services
	Private     string // the D-Bus socket that systemctl asks
	Credentials string // a folder for each unit that has some
	Console     string // TTYPath= of units that name none
}

// NewPlaces are the places below run.
func NewPlaces(run string) Places {
	return Places{
		Run: run, Notify: filepath.Join(run, "systemd/notify"), Private: filepath.Join(run, "systemd/private"),
		Credentials: filepath.Join(run, "credentials"), Console: "/dev/console",
	}
}

// runFolders are what a booted system has below /run. sd_booted(3) looks for systemd/system.
var runFolders = []struct {
	path string
	mode os.FileMode
}{
	{"systemd", 0o755}, {"systemd/system", 0o755}, {"systemd/journal", 0o755}, {"systemd/units", 0o755}, {"systemd/ask-password", 0o755},
	{"systemd/machines", 0o755}, {"lock", 0o1777}, {"log", 0o755}, {"user", 0o755},
}

// Prepare makes the folders. The error is the first thing that could not be made.
func (p Places) Prepare() error {
	if err := os.MkdirAll(p.Run, 0o755); err != nil {
		return err
	}
	for _, d := range runFolders {
		name := filepath.Join(p.Run, d.path)
		err := os.Mkdir(name, d.mode.Perm())
		if err == nil && d.mode&0o1000 != 0 {
			err = os.Chmod(name, d.mode.Perm()|os.ModeSticky)
		}
		if err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("cannot make %s: %w", name, errors.Unwrap(err))
		}
	}
	return nil
}

func readOnly(err error) bool {
	return errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)
}
