package facts

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"keelson/supervise/unit"
)

// Host is what specifiers want to know of the machine.
func (f *Facts) Host() unit.Host {
	h := unit.DefaultHost()
	h.Architecture, h.Hostname, h.Kernel = Architecture(), hostname(), release()
	h.MachineID = f.machineID
	h.BootID, _ = parseID(f.line("/proc/sys/kernel/random/boot_id"))
	h.PrettyName = f.variables("/etc/machine-info")["PRETTY_HOSTNAME"]
	if r := f.osRelease(); r != nil {
		h.OSRelease = true
		h.OSID, h.OSVersionID, h.OSBuildID, h.OSVariantID = r["ID"], r["VERSION_ID"], r["BUILD_ID"], r["VARIANT_ID"]
		h.ImageID, h.ImageVersion = r["IMAGE_ID"], r["IMAGE_VERSION"]
	}
	f.account(&h)
	if dir := f.temporary(); dir != "" {
		h.TmpDir, h.VarTmpDir = dir, dir
	}
	return h
}

// account fills in the manager's user, if that is not root. One without an entry is known by its number.
func (f *Facts) account(h *unit.Host) {
	if uid := os.Getuid(); uid != 0 {
		h.UID = strconv.Itoa(uid)
		h.User, h.Home = h.UID, cmp.Or(os.Getenv("HOME"), "/")
		if u, err := user.LookupId(h.UID); err == nil {
			h.User, h.Home = u.Username, cmp.Or(u.HomeDir, h.Home)
		}
	}
	if gid := os.Getgid(); gid != 0 {
		h.GID = strconv.Itoa(gid)
		h.Group = h.GID
		if g, err := user.LookupGroupId(h.GID); err == nil {
			h.Group = g.Name
		}
	}
}

// temporary is the folder that the environment names for temporary files, "" if none (tmp_dir_internal in src/basic/fs-util.c).
func (f *Facts) temporary() string {
	for _, name := range []string{"TMPDIR", "TEMP", "TMP"} {
		if dir := os.Getenv(name); filepath.IsAbs(dir) && filepath.Clean(dir) == dir && f.isDirectory(dir) {
			return dir
		}
	}
	return ""
}

// osRelease are the fields of os-release(5), nil if there is none.
func (f *Facts) osRelease() map[string]string {
	for _, file := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if v := f.variables(file); v != nil {
			return v
		}
	}
	return nil
}

// variables are the assignments of a file like os-release(5), nil if it cannot be read.
func (f *Facts) variables(file string) map[string]string {
	text, err := f.read(file)
	if err != nil {
		return nil
	}
	list, _ := unit.ParseEnvironmentFile(text) // what comes before a mistake counts
	v := map[string]string{}
	for _, a := range list {
		name, value, _ := strings.Cut(a, "=")
		v[name] = value
	}
	return v
}

// parseID reads 32 hexadecimal digits, or a UUID with its hyphens, and gives the digits in lower case.
func parseID(s string) (string, bool) {
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		s = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if _, err := hex.DecodeString(s); err != nil || len(s) != 32 {
		return "", false
	}
	return strings.ToLower(s), true
}

// setMachineID finds the machine id, or makes one (machine-id(5); src/shared/machine-id-setup.c). Where /etc can be written the new one is
// kept there; else it holds for this boot, in /run/machine-id.
func (f *Facts) setMachineID(readOnly bool) {
	const file, transient = "/etc/machine-id", "/run/machine-id"
	text, err := f.read(file)
	old := strings.TrimSpace(text)
	if id, ok := parseID(old); ok && strings.Trim(id, "0") != "" {
		f.machineID = id
		return
	}
	f.firstBoot = os.IsNotExist(err) || old == "uninitialized"
	id, again := parseID(f.line(transient))
	if readOnly {
		f.machineID = id
		return
	}
	if !again {
		id = f.newMachineID()
	}
	f.machineID = id
	if err := f.keep(file, id); err == nil {
		return
	} else if !again && f.keep(transient, id) != nil {
		f.notices = append(f.notices, fmt.Sprintf("/etc/machine-id has no machine id, and none can be kept: %v. %s holds until the container ends; mount a file with an id there", err, id))
	}
}

// newMachineID is the one of the message bus, or the one that the container manager gave, or a random one.
func (f *Facts) newMachineID() string {
	for _, known := range []string{f.line("/var/lib/dbus/machine-id"), os.Getenv("container_uuid")} {
		if id, ok := parseID(known); ok && strings.Trim(id, "0") != "" {
			return id
		}
	}
	var id [16]byte
	rand.Read(id[:])                                // never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // a version 4 UUID, as sd_id128_randomize makes
	return hex.EncodeToString(id[:])
}

// keep writes a machine id. The file may be a bind mount, which cannot be replaced, so it is written in place.
func (f *Facts) keep(file, id string) error {
	w, err := os.OpenFile(f.at(file), os.O_WRONLY|os.O_CREATE, 0o444)
	if err != nil {
		return err
	}
	defer w.Close()
	text := []byte(id + "\n")
	if _, err := w.WriteAt(text, 0); err != nil {
		return err
	}
	if err := w.Truncate(int64(len(text))); err != nil {
		return err
	}
	back, err := os.ReadFile(f.at(file))
	if err == nil && !bytes.Equal(back, text) {
		err = fmt.Errorf("%s is not what was written", file)
	}
	return err
}
