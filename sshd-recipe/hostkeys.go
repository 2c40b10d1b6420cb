package sshdrecipe

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A KeyType is a kind of host key that is made.
type KeyType struct {
	Name  string   // ssh-keygen -t
	Bits  string   // ssh-keygen -b; "" for the only size
	Blob  []string // how public keys of that type begin
	SSHFP int      // its number in DNS (RFC 4255, 6594, 7479)
}

// KeyTypes are those that sshd offers by default, in its order. DSA is last, for a configuration that still asks for it by name.
var KeyTypes = []KeyType{
	{"rsa", "3072", []string{"ssh-rsa"}, 1},
	{"ecdsa", "256", []string{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"}, 3},
	{"ed25519", "", []string{"ssh-ed25519"}, 4},
	{"dsa", "", []string{"ssh-dss"}, 2},
}

// defaultTypes is how many of KeyTypes are made where the configuration names no key.
const defaultTypes = 3

// keyName is a host key's file.
func (t KeyType) keyName() string { return "ssh_host_" + t.Name + "_key" }

// typeOf is the type that a file's name says. "ecdsa" contains "dsa". A name that says nothing gets an Ed25519 key.
func typeOf(file string) KeyType {
	for _, t := range KeyTypes {
		if strings.Contains(filepath.Base(file), t.Name) {
			return t
		}
	}
	return KeyTypes[2]
}

// A HostKey is one that is there.
type HostKey struct {
	File   string
	Public string // type and blob, as in the .pub file
	Made   bool   // just now
	Baked  bool   // it came with the image, and other containers have it
}

// Type is the public key's own word for its type.
func (k HostKey) Type() string { return strings.Fields(k.Public)[0] }

func (k HostKey) blob() []byte {
	b, _ := base64.StdEncoding.DecodeString(strings.Fields(k.Public)[1])
	return b
}

// Fingerprint is what ssh shows of it.
func (k HostKey) Fingerprint() string {
	sum := sha256.Sum256(k.blob())
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// SSHFP is its DNS record for a host (RFC 4255), with the SHA-256 of the key.
func (k HostKey) SSHFP(host string) string {
	number := 0
	for _, t := range KeyTypes {
		for _, b := range t.Blob {
			if b == k.Type() {
				number = t.SSHFP
			}
		}
	}
	sum := sha256.Sum256(k.blob())
	return fmt.Sprintf("%s. IN SSHFP %d 2 %s", strings.TrimSuffix(host, "."), number, hex.EncodeToString(sum[:]))
}

// Birth says when this container was made; ok is false where that cannot be told, or there is none. OnRoot tells whether a file lies in the container's
// own file system and not on something mounted into it.
//
// The rule for a baked key: it lies on the container's root file system, and its inode, or that of its .pub file, changed last before the container was made.
// Unpacking an image sets the change time of its files, nothing sets it back, and a key that any program makes in the container is younger than the container.
// The container was made when the first of the files /etc/hostname, /etc/hosts and /etc/resolv.conf was, which Docker, Podman and the CRI
// runtimes make for each container and mount one by one; they stay over a restart. Where none of them is a mount there is no
// container, and no key is called baked. A volume that Docker filled from the image is not told from one that was in use.
type Birth struct {
	Time   time.Time
	OK     bool
	OnRoot func(file string) bool
}

func (b Birth) baked(file string) bool {
	if !b.OK || !b.OnRoot(file) {
		return false
	}
	for _, f := range []string{file, file + ".pub"} {
		if t, ok := changeTime(f); ok && t.Before(b.Time) {
			return true
		}
	}
	return false
}

// HostKeys looks after the files: what is missing is made, a baked key replaced if fresh. say is told what was done. The error is the first that
// leaves sshd without any key, or with one that is not to be trusted.
func (o OpenSSH) HostKeys(files []string, birth Birth, fresh bool, say func(string)) ([]HostKey, error) {
	var keys []HostKey
	var failed error
	for _, file := range files {
		k, err := o.hostKey(file, birth, fresh)
		var broken *brokenKey
		if errors.As(err, &broken) {
			return keys, err
		}
		if err != nil { // a type that this ssh-keygen does not make, or not in FIPS mode
			if failed == nil {
				failed = err
			}
			say(fmt.Sprintf("no host key %s: %v", file, err))
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("no host key could be made: %w", failed)
	}
	return keys, nil
}

// brokenKey is a key that is there and cannot be used. It is nobody's to remove but the one whose it is.
type brokenKey struct {
	file string
	err  error
}

func (b *brokenKey) Error() string {
	return fmt.Sprintf("the host key %s cannot be used: %v; remove it to have a new one made", b.file, b.err)
}

func (o OpenSSH) hostKey(file string, birth Birth, fresh bool) (HostKey, error) {
	k := HostKey{File: file}
	st, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		k.Made = true
	case err != nil:
		return k, &brokenKey{file, err}
	case !st.Mode().IsRegular():
		return k, &brokenKey{file, errors.New("it is no regular file")}
	case st.Size() == 0: // a disk was full
		k.Made = true
		if err := os.Remove(file); err != nil {
			return k, &brokenKey{file, err}
		}
	default:
		k.Baked = birth.baked(file)
	}
	if k.Baked && fresh || k.Made {
		if err := o.makeKey(file, k.Baked); err != nil {
			return k, err
		}
		k.Baked, k.Made = false, true
	}
	if k.Public, err = o.public(file); err != nil {
		return k, &brokenKey{file, err}
	}
	return k, nil
}

// makeKey makes a key beside where it is to be, and moves it there in one step. Without replace a key that appeared in the meantime, another
// container's on the same volume, stays.
func (o OpenSSH) makeKey(file string, replace bool) error {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(dir, ".new-host-key-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	t := typeOf(file)
	args := []string{"-q", "-t", t.Name, "-N", "", "-C", "", "-f", filepath.Join(work, "key")}
	if t.Bits != "" {
		args = append(args, "-b", t.Bits)
	}
	if _, _, err := run("", o.keygen, args...); err != nil {
		return err
	}
	made := filepath.Join(work, "key")
	if err := os.Chmod(made, 0o600); err != nil {
		return err
	}
	if err := syncFile(made); err != nil {
		return err
	}
	if replace {
		err = os.Rename(made, file)
	} else if err = os.Link(made, file); errors.Is(err, os.ErrExist) {
		return nil
	} else if err != nil { // a file system without hard links
		err = os.Rename(made, file)
	}
	if err != nil {
		return err
	}
	return syncFile(dir)
}

func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// public reads a private key's public half, sees to it that sshd will take the file's mode, and that the .pub file says the same. sshd
// refuses a key of its own uid that others may read (sshkey_perm_ok in authfile.c).
func (o OpenSSH) public(file string) (string, error) {
	st, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if st.Mode().Perm()&0o077 != 0 && owner(st) == os.Geteuid() {
		if err := os.Chmod(file, 0o600); err != nil {
			return "", fmt.Errorf("others may read it (mode %04o), and that cannot be changed: %w; a Kubernetes secret has defaultMode: 0400 for that", st.Mode().Perm(), err)
		}
	}
	out, _, err := run("", o.keygen, "-y", "-P", "", "-f", file)
	if err != nil {
		return "", err
	}
	words := strings.Fields(out)
	if len(words) < 2 {
		return "", errors.New("ssh-keygen shows no public key of it")
	}
	if b, err := base64.StdEncoding.DecodeString(words[1]); err != nil || len(b) == 0 {
		return "", errors.New("ssh-keygen shows no public key of it")
	}
	public := words[0] + " " + words[1]
	old, _ := os.ReadFile(file + ".pub")
	if had := strings.Fields(string(old)); len(had) < 2 || had[0]+" "+had[1] != public {
		// Only people read the .pub file: on a read-only volume it may be missing.
		_ = writeWhole(file+".pub", public+"\n", 0o644)
	}
	return public, nil
}
