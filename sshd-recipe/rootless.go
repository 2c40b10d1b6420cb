package sshdrecipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// notRootless are settings that only root can carry out.
var notRootless = []string{"users", "passwords", "pam", "chroot"}

// prepareRootless makes an sshd ready that a user runs for itself: sshd cannot become another user, nor read shadow(5), so that one user logs in, by key.
func (r *Recipe) prepareRootless(o OpenSSH) (Ready, error) {
	v := r.Values
	for _, flag := range notRootless {
		if from := v.From(flag); from != "" && (v.Get(flag) != "" || v.All(flag) != nil) {
			return Ready{}, fmt.Errorf("%s takes root, and this is uid %d", from, r.UID)
		}
	}
	account, err := r.self()
	if err != nil {
		return Ready{}, err
	}
	known, err := o.Ask("/dev/null")
	if err != nil {
		return Ready{}, err
	}
	c := r.configuration(o.Version, known)
	if c.Session, err = sessionEnvironment(r.Environ, v.Get("session-env")); err != nil {
		return Ready{}, err
	}
	if c.Port == "" {
		c.Port = rootlessPort
	}
	files, err := r.keyFiles([]string{account.Name})
	if err != nil {
		return Ready{}, err
	}
	if _, err := r.authorize(o, files, c.KeyOptions()); err != nil {
		return Ready{}, err
	}
	keys := v.Get("host-keys")
	if keys == "" {
		keys = filepath.Join(r.state, "host-keys")
	}
	for _, t := range KeyTypes[:defaultTypes] {
		c.HostKeys = append(c.HostKeys, filepath.Join(keys, t.keyName()))
	}
	ready := Ready{Sshd: o.sshd, State: r.state, Config: filepath.Join(r.state, "sshd_config")}
	ready.Args = []string{"-f", ready.Config}
	if err := writeWhole(ready.Config, c.Global()+c.Matches(), 0o600); err != nil {
		return Ready{}, err
	}
	account.Hash = "x"
	return r.finish(o, c, ready, []Account{account}, c.HostKeys)
}

// self is the account of this process's uid. sshd and ssh-keygen do nothing for a uid without a line in passwd, so where that file may be written,
// as images for OpenShift have it, a line is added.
func (r *Recipe) self() (Account, error) {
	d, err := readDatabase(r.Etc)
	if err != nil {
		return Account{}, err
	}
	for _, a := range d.accounts() {
		if a.UID == r.UID {
			return a, nil
		}
	}
	home := r.state
	for _, e := range r.Environ {
		if h, ok := strings.CutPrefix(e, "HOME="); ok && filepath.IsAbs(h) && h != "/" {
			home = h
		}
	}
	text := fmt.Sprintf("user:x:%d:%d::%s:/bin/sh\n", r.UID, os.Getgid(), home)
	if _, ok := d.account("user"); ok {
		text = fmt.Sprintf("user%d%s", r.UID, strings.TrimPrefix(text, "user"))
	}
	f, err := os.OpenFile(filepath.Join(r.Etc, "passwd"), os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return Account{}, fmt.Errorf("the uid %d has no line in %s/passwd, without which sshd does nothing, and one cannot be added: %w", r.UID, r.Etc, err)
	}
	return r.self()
}
