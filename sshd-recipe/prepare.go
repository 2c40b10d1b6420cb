package sshdrecipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Recipe is one preparation: what was said, and the machine that it is for.
type Recipe struct {
	Values  Values
	Environ []string
	Path    string // $PATH
	Etc     string // /etc
	Secrets string // SecretsFolder
	UID     int
	Host    string // the name for SSHFP records
	Birth   Birth
	Lenient bool         // no way in is a warning: the image's own unit is started, and keys may come later
	Say     func(string) // is told what was done, a line each

	state string
}

// Ready is an sshd that can be started.
type Ready struct {
	Sshd   string   // its path
	Args   []string // after it, without -D and -e
	State  string
	Config string // -f's, "" for the image's
	Ways   []string
	Keys   []HostKey
}

// Command is sshd's command line. toStderr has it log there instead of to /dev/log.
func (r Ready) Command(toStderr bool) []string {
	c := append([]string{r.Sshd, "-D"}, r.Args...)
	if toStderr {
		c = append(c, "-e")
	}
	return c
}

// NoWayIn is the refusal to start an sshd that would let nobody in.
var NoWayIn = errors.New("nobody could log in: no user has a key or a password; there are three ways to give one")

// DropIn is the recipe's file among the image's drop-ins. The first value of a keyword counts, so it is to be read first.
const DropIn = "00-keelson.conf"

const rootlessPort = "2222"

// Prepare makes everything ready. Nothing is started.
func (r *Recipe) Prepare() (Ready, error) {
	o, err := Find(r.Path)
	if err != nil {
		return Ready{}, err
	}
	if err := r.findState(); err != nil {
		return Ready{}, err
	}
	o.temp = r.state
	if r.UID != 0 {
		return r.prepareRootless(o)
	}
	return r.prepareRoot(o)
}

// findState finds the state folder, the first of those that can be written.
func (r *Recipe) findState() error {
	if s := r.Values.Get("state"); s != "" {
		r.state = s
		return ownFolder(s, 0o755)
	}
	if r.UID == 0 {
		r.state = "/run/keelson-sshd"
		if err := ownFolder(r.state, 0o755); err != nil {
			return fmt.Errorf("%w; docker run --tmpfs /run gives it a place", err)
		}
		return nil
	}
	var candidates []string
	for _, v := range []string{"XDG_RUNTIME_DIR", "HOME"} {
		for _, e := range r.Environ {
			if d, ok := strings.CutPrefix(e, v+"="); ok && filepath.IsAbs(d) && d != "/" {
				candidates = append(candidates, filepath.Join(d, ".keelson-sshd"))
			}
		}
	}
	for _, d := range []string{"/tmp", "/dev/shm"} {
		candidates = append(candidates, fmt.Sprintf("%s/keelson-sshd-%d", d, r.UID))
	}
	var first error
	for _, d := range candidates {
		err := ownFolder(d, 0o700)
		if err == nil && writable(d) {
			r.state = d
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return fmt.Errorf("there is no folder to write to, of %s: %w; --state DIR names one", strings.Join(candidates, ", "), first)
}

func (r *Recipe) prepareRoot(o OpenSSH) (Ready, error) {
	v := r.Values
	dir := filepath.Join(r.Etc, "ssh")
	dropIn := filepath.Join(dir, "sshd_config.d", DropIn)
	if _, err := os.Lstat(dropIn); err == nil { // an earlier start's would answer for the image
		if err := os.Remove(dropIn); err != nil {
			return Ready{}, err
		}
	}
	image, err := imageText(dir)
	if err != nil {
		return Ready{}, err
	}
	known, err := o.Ask("")
	if err != nil {
		return Ready{}, err
	}
	c := r.configuration(o.Version, known)
	if c.Session, err = sessionEnvironment(r.Environ, v.Get("session-env")); err != nil {
		return Ready{}, err
	}
	accounts, err := r.accounts(o, &c)
	if err != nil {
		return Ready{}, err
	}
	if c.Chroot != "" {
		if err := r.chroot(c, accounts); err != nil {
			return Ready{}, err
		}
	}
	keys := r.hostKeyFiles(known, dir, &c)
	ready := Ready{Sshd: o.sshd, State: r.state}
	text := c.Global() + c.Matches()
	switch {
	case !o.Version.Before(hasInclude) && Includes(image, dir, dropIn) && (c.HostKeys == nil || len(known["hostkey"]) == 0) &&
		(c.Port == "" || !says(image, "port")) && writable(filepath.Dir(dropIn)):
		err = writeWhole(dropIn, text, 0o644)
	default:
		ready.Config = filepath.Join(r.state, "sshd_config")
		ready.Args = []string{"-f", ready.Config}
		err = writeWhole(ready.Config, c.Full(image), 0o600)
	}
	if err != nil {
		return Ready{}, err
	}
	return r.finish(o, c, ready, accounts, keys)
}

// imageText is the image's configuration. openSUSE's is below /usr/etc.
func imageText(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "sshd_config"))
	if errors.Is(err, os.ErrNotExist) {
		if t, e := os.ReadFile("/usr/etc/ssh/sshd_config"); e == nil {
			return string(t), nil
		}
	}
	return string(text), err
}

// configuration is what can be said before accounts are looked at.
func (r *Recipe) configuration(version Version, known Effective) Configuration {
	v := r.Values
	c := Configuration{
		Version: version, Known: known, Rootless: r.UID != 0, Options: v.All("option"), Port: v.Get("port"), PAM: v.On("pam"),
		RootLogin: v.Get("root-login"), Chroot: v.Get("chroot"), State: r.state,
	}
	switch s := v.Get("sftp-only"); s {
	case "":
	case "yes":
		c.SFTPOnly = true
	default:
		c.SFTPOnly, c.SFTPUsers = true, strings.Split(s, ",")
	}
	for _, pattern := range strings.Fields(known.First("authorizedkeysfile")) {
		if pattern != "none" {
			c.AuthorizedKeysFile = append(c.AuthorizedKeysFile, pattern)
		}
	}
	c.AuthorizedKeysFile = append(c.AuthorizedKeysFile, filepath.Join(r.state, "authorized_keys/%u"))
	return c
}

// accounts makes users, and gives them their keys and passwords.
func (r *Recipe) accounts(o OpenSSH, c *Configuration) ([]Account, error) {
	v := r.Values
	users, err := ParseUsers(v.All("users"))
	if err != nil {
		return nil, err
	}
	from := v.From("passwords")
	passwords, err := parsePasswords(v.Get("passwords"), from, from != "SSH_PASSWORDS")
	if err != nil {
		return nil, err
	}
	c.Passwords = len(passwords) > 0
	everybody := []string{"root"}
	if len(users) > 0 {
		everybody = nil
		for _, u := range users {
			everybody = append(everybody, u.Name)
		}
	}
	files, err := r.keyFiles(everybody)
	if err != nil {
		return nil, err
	}
	keyed, err := r.authorize(o, files, c.KeyOptions())
	if err != nil {
		return nil, err
	}
	accounts, err := r.changeAccounts(users, keyed, passwords, c.PAM)
	if err != nil {
		return nil, err
	}
	if err := setClear(passwords, r.Path); err != nil {
		return nil, err
	}
	for _, u := range users {
		for _, a := range accounts {
			if a.Name == u.Name {
				if err := makeHome(a, r.Etc); err != nil {
					return nil, fmt.Errorf("the home of %s: %w", a.Name, err)
				}
			}
		}
	}
	for _, p := range passwords {
		if p.user == "root" && v.Get("root-login") != "password" {
			r.Say("root has a password, and may log in by key alone; --root-login=password allows the other")
		}
	}
	d, err := readDatabase(r.Etc) // with what chpasswd did
	if err != nil {
		return nil, err
	}
	return d.accounts(), nil
}

// changeAccounts writes the files of accounts, under their lock, if they do not say already what they are to say.
func (r *Recipe) changeAccounts(users []User, keyed []string, passwords []password, pam bool) ([]Account, error) {
	d, err := readDatabase(r.Etc)
	if err != nil {
		return nil, err
	}
	changed, told, err := change(d, users, keyed, passwords, pam)
	if err != nil || *changed == *d {
		return changed.accounts(), err
	}
	unlock, err := lock(r.Etc)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if d, err = readDatabase(r.Etc); err != nil { // now nobody else changes them
		return nil, err
	}
	if changed, told, err = change(d, users, keyed, passwords, pam); err != nil {
		return nil, err
	}
	if err := changed.write(d); err != nil {
		return nil, fmt.Errorf("cannot change the accounts: %w", err)
	}
	for _, t := range told {
		r.Say(t)
	}
	return changed.accounts(), nil
}

// change is the accounts as they are to be, and what that does.
func change(before *database, users []User, keyed []string, passwords []password, pam bool) (*database, []string, error) {
	d := *before
	var told []string
	for _, u := range users {
		added, err := d.ensure(u)
		if err != nil {
			return &d, nil, err
		}
		if added {
			told = append(told, fmt.Sprintf("user %s made, %d:%d", u.Name, u.UID, u.GID))
		}
	}
	for _, p := range passwords {
		if _, ok := d.account(p.user); !ok {
			return &d, nil, fmt.Errorf("a password is given for %s, and there is no such user; SSH_USERS=%s:UID:GID makes one", p.user, p.user)
		}
		if p.hashed {
			d.setHash(p.user, p.value)
		}
	}
	for _, name := range keyed {
		a, ok := d.account(name)
		if !ok {
			return &d, nil, fmt.Errorf("keys are given for %s, and there is no such user; SSH_USERS=%s:UID:GID makes one", name, name)
		}
		if a.locked() && !pam {
			d.setHash(name, "*")
			told = append(told, "user "+name+" was locked, which sshd without PAM takes for keys, too: now there is no password, but no lock")
		}
	}
	return &d, told, nil
}

// hostKeyFiles are the host keys that sshd is to have. Where they cannot be kept where it looks by itself, the configuration names them.
func (r *Recipe) hostKeyFiles(known Effective, dir string, c *Configuration) []string {
	types := KeyTypes[:defaultTypes]
	in := func(dir string) (files []string) {
		for _, t := range types {
			files = append(files, filepath.Join(dir, t.keyName()))
		}
		return files
	}
	if d := r.Values.Get("host-keys"); d != "" {
		c.HostKeys = in(d)
		return c.HostKeys
	}
	files := known["hostkey"]
	if len(files) == 0 {
		files = in(dir)
	}
	lacking := slices.ContainsFunc(files, func(f string) bool {
		_, err := os.Stat(f)
		return err != nil && !writable(filepath.Dir(f))
	})
	if lacking {
		c.HostKeys = in(filepath.Join(r.state, "host-keys"))
		r.Say(dir + " cannot be written: the host keys are in " + r.state + " and last no longer than that does; --host-keys DIR keeps them on a volume")
		return c.HostKeys
	}
	return files
}

// finish has the configuration checked, makes the host keys, and says who can log in.
func (r *Recipe) finish(o OpenSSH, c Configuration, ready Ready, accounts []Account, keys []string) (Ready, error) {
	e, err := o.Ask(ready.Config)
	if err != nil {
		return ready, err
	}
	if err := taken(e, c); err != nil {
		return ready, err
	}
	if _, skipped := c.SetEnv(); len(skipped) > 0 {
		r.Say("OpenSSH " + o.Version.String() + " cannot be given these variables for sessions: " + strings.Join(skipped, ", "))
	}
	if ready.Ways = waysIn(e, accounts, c.onlyFiles); len(ready.Ways) == 0 {
		if !r.Lenient {
			return ready, NoWayIn
		}
		r.Say(NoWayIn.Error())
		for _, w := range Ways {
			r.Say("  " + w)
		}
	}
	if ready.Keys, err = o.HostKeys(keys, r.Birth, r.Values.On("fresh-keys"), r.Say); err != nil {
		return ready, err
	}
	if err := o.Check(ready.Config); err != nil {
		return ready, err
	}
	for _, k := range ready.Keys {
		what := "host key "
		if k.Made {
			what = "new host key "
		}
		r.Say(what + k.File + " " + k.Type() + " " + k.Fingerprint())
		if k.Baked {
			r.Say(k.File + " came with the image: everybody who has the image can pass for this server; --fresh-keys (SSH_FRESH_KEYS=yes) replaces it")
		}
		if r.Values.On("sshfp") {
			r.Say(k.SSHFP(r.Host))
		}
	}
	if len(ready.Ways) > 0 {
		r.Say("port " + strings.Join(e["port"], ", ") + ", logins: " + strings.Join(ready.Ways, ", "))
	}
	return ready, nil
}

// taken compares what sshd makes of the configuration with what was meant. An option of a person's own may say otherwise.
func taken(e Effective, c Configuration) error {
	own := map[string]bool{}
	for _, o := range c.Options {
		w, _ := keyword(o)
		own[w] = true
	}
	normal := func(s string) string {
		if s == "without-password" { // the old name
			return "prohibit-password"
		}
		return strings.ToLower(s)
	}
	for _, want := range []line{
		{"UsePAM", yesNo(c.PAM), e.Knows("usepam")},
		{"PermitRootLogin", rootLogins[c.RootLogin], true},
		{"PasswordAuthentication", yesNo(c.Passwords), true},
		{"AuthorizedKeysFile", strings.Join(c.AuthorizedKeysFile, " "), len(c.AuthorizedKeysFile) > 0},
		{"Port", c.Port, c.Port != ""},
	} {
		word := strings.ToLower(want.keyword)
		if got := strings.Join(e[word], " "); want.when && !own[word] && normal(got) != normal(want.value) {
			return fmt.Errorf("sshd takes %s %q where %q was meant: a file of sshd_config.d that is read before %s says so", want.keyword, got, want.value, DropIn)
		}
	}
	return nil
}
