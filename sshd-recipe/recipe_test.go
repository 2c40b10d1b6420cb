package sshdrecipe

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestVersion(t *testing.T) {
	for _, tt := range []struct {
		text string
		want Version
		ok   bool
	}{
		{"OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026", Version{9, 2}, true},
		{"unknown option -- V\nOpenSSH_7.4p1, OpenSSL 1.0.2k-fips  26 Jan 2017\nusage: sshd [-46DdeiqTt]", Version{7, 4}, true},
		{"OpenSSH_10.0p2 Debian-7, OpenSSL 3.5.0", Version{10, 0}, true},
		{"dropbear 2022.83", Version{}, false},
	} {
		v, err := ParseVersion(tt.text)
		if v != tt.want || (err == nil) != tt.ok {
			t.Errorf("%q: %v %v", tt.text, v, err)
		}
	}
	if !(Version{9, 9}).Before(Version{10, 0}) || (Version{8, 2}).Before(hasInclude) {
		t.Error("versions are compared by their text")
	}
}

func TestParse(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "ssh_users"), []byte("ann:1:1\n# none\nbob:2:2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	hash := file("hash", "root:$6$a$b\n")
	for _, tt := range []struct {
		args, env string // words
		flag      string
		want      string // one, or a list with blanks between
		err       string
	}{
		{args: "--port 2200", flag: "port", want: "2200"},
		{args: "--port=2200", env: "SSH_PORT=1", flag: "port", want: "2200"},
		{env: "SSH_PORT=2201", flag: "port", want: "2201"},
		{env: "SSH_PORT=", flag: "port", want: ""},
		{env: "SSH_PORT_FILE=" + file("port", "22\n"), flag: "port", want: "22"},
		{env: "SSH_PORT_FILE=/nonexistent", err: "SSH_PORT_FILE"},
		{args: "--port 0", err: "no port"},
		{args: "--port 65536", err: "no port"},
		{args: "--port", err: "needs PORT"},
		{args: "--sftp-only", flag: "sftp-only", want: "yes"},
		{args: "--sftp-only=a,b", flag: "sftp-only", want: "a,b"},
		{env: "SSH_SFTP_ONLY=no", flag: "sftp-only", want: ""},
		{env: "SSH_PAM=true", flag: "pam", want: "yes"},
		{env: "SSH_PAM=perhaps", err: "neither yes nor no"},
		{args: "--users a:1:1 --users b:2:2", flag: "users", want: "a:1:1 b:2:2"},
		{flag: "users", want: "ann:1:1 bob:2:2"},
		{args: "--passwords " + hash, flag: "passwords", want: "root:$6$a$b"},
		{args: "--root-login never", err: "none of key, password and no"},
		{args: "--host-keys keys", err: "absolute"},
		{args: "--chroot %h/x", flag: "chroot", want: "%h/x"},
		{env: "SSH_OPTIONS=Match_x", args: "--option Match", err: "cannot be an option"},
		{args: "--frobnicate", err: "no option"},
		{args: "bash", err: "unexpected argument"},
		{args: "--password secret", err: "no option"},
	} {
		v, err := Parse(strings.Fields(tt.args), strings.Fields(tt.env), secrets)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q %q: %v, not %q", tt.args, tt.env, err, tt.err)
			}
			continue
		}
		if got := strings.Join(append(v.All(tt.flag), v.Get(tt.flag)), " "); err != nil || strings.TrimSpace(got) != tt.want {
			t.Errorf("%q %q: %q %v, not %q", tt.args, tt.env, got, err, tt.want)
		}
	}
}

// TestHelp: every row is in the help and in the README's table, which is this one.
func TestHelp(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), Markdown()) {
		t.Errorf("the README's table is not this one:\n%s", Markdown())
	}
	for _, s := range append(slices.Clone(Settings), Actions...) {
		if !strings.Contains(Help(), "  --"+s.Flag) {
			t.Errorf("the help lacks --%s", s.Flag)
		}
	}
}

// lines are a configuration's without the comments.
func lines(text string) string {
	return regexp.MustCompile(`(?m)^#.*\n`).ReplaceAllString(text, "")
}

func TestConfiguration(t *testing.T) {
	pam := Effective{"usepam": {"yes"}, "subsystem": {"sftp /usr/lib/openssh/sftp-server"}}
	for _, tt := range []struct {
		name string
		c    Configuration
		want string
	}{
		{"9.2, keys alone", Configuration{Version: Version{9, 2}, Known: pam}, "UsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"},
		{"7.4 has the old word too", Configuration{Version: Version{7, 4}, Known: pam, Passwords: true, RootLogin: "password"},
			"UsePAM no\nPermitRootLogin yes\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\nChallengeResponseAuthentication no\n"},
		{"without PAM, without sftp", Configuration{Version: Version{10, 0}, Known: Effective{}, RootLogin: "no"},
			"PermitRootLogin no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n"},
		{"PAM asked for", Configuration{Version: Version{9, 2}, Known: pam, PAM: true}, "UsePAM yes\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"},
		{"7.4 rootless", Configuration{Version: Version{7, 4}, Known: pam, Rootless: true, State: "/s", Port: "2222", HostKeys: []string{"/k"}},
			"Port 2222\nHostKey /k\nUsePrivilegeSeparation no\nUsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nChallengeResponseAuthentication no\nStrictModes no\nPidFile /s/sshd.pid\n"},
		{"8.0 rootless", Configuration{Version: Version{8, 0}, Known: pam, Rootless: true, State: "/s"},
			"UsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nChallengeResponseAuthentication no\nStrictModes no\nPidFile /s/sshd.pid\n"},
		{"sftp for all", Configuration{Version: Version{9, 2}, Known: pam, SFTPOnly: true, Chroot: "/srv/%u"},
			"UsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nForceCommand internal-sftp -d /files\nChrootDirectory /srv/%u\nDisableForwarding yes\nPermitTTY no\n"},
		{"sftp for two", Configuration{Version: Version{9, 2}, Known: pam, SFTPOnly: true, SFTPUsers: []string{"a", "b"}},
			"UsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nMatch User a,b\n\tForceCommand internal-sftp\n\tDisableForwarding yes\n\tPermitTTY no\n"},
		{"session, 8.4", Configuration{Version: Version{8, 4}, Known: pam, Session: []string{`A=x \y`, `B="`, "C=\n"}},
			"UsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nChallengeResponseAuthentication no\nSetEnv \"A=x \\y\"\n"},
		{"session, 9.2", Configuration{Version: Version{9, 2}, Known: pam, Session: []string{`A=x \y`, `B="`, "C=\n"}},
			"UsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nSetEnv \"A=x \\\\y\" \"B=\\\"\"\n"},
		{"session, 7.4", Configuration{Version: Version{7, 4}, Known: pam, Session: []string{"A=x"}},
			"UsePAM no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nChallengeResponseAuthentication no\nPermitUserEnvironment yes\n"},
	} {
		if got := lines(tt.c.Global() + tt.c.Matches()); got != tt.want {
			t.Errorf("%s:\n%s\nnot\n%s", tt.name, got, tt.want)
		}
	}
	old := Configuration{Version: Version{7, 4}, Session: []string{`A="x"`, "B=y"}}
	if got := withOption("ssh-ed25519 AAAA me", old.KeyOptions()); got != `environment="A=\"x\"",environment="B=y" ssh-ed25519 AAAA me` {
		t.Errorf("%s", got)
	}
	if got := withOption("no-pty ssh-ed25519 AAAA me", "x"); got != "x,no-pty ssh-ed25519 AAAA me" {
		t.Errorf("%s", got)
	}
}

func TestFull(t *testing.T) {
	c := Configuration{Version: Version{7, 9}, Known: Effective{"subsystem": {"sftp x"}}, Port: "2200", HostKeys: []string{"/k"}, SFTPOnly: true, SFTPUsers: []string{"a"}}
	got := c.Full("hostkey /etc/ssh/k\nPort=22\nX11Forwarding yes\nMatch User b\n\tPermitTTY no")
	want := "Port 2200\nHostKey /k\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nChallengeResponseAuthentication no\n\nX11Forwarding yes\nMatch User b\n\tPermitTTY no\n\n" +
		"Match User a\n\tForceCommand internal-sftp\n\tDisableForwarding yes\n\tPermitTTY no\n"
	if lines(got) != want {
		t.Errorf("%s", got)
	}
}

func TestIncludes(t *testing.T) {
	const file = "/etc/ssh/sshd_config.d/00-keelson.conf"
	for text, want := range map[string]bool{
		"Include /etc/ssh/sshd_config.d/*.conf\n":          true,
		"# x\n  include=\"/etc/ssh/sshd_config.d/*.conf\"": true,
		"Include sshd_config.d/*.conf":                     true,
		"Include /a /etc/ssh/sshd_config.d/0*":             true,
		"#Include /etc/ssh/sshd_config.d/*.conf":           false,
		"Match all\nInclude /etc/ssh/sshd_config.d/*":      false,
		"Include /etc/ssh/sshd_config.d/50-x.conf":         false,
		"": false,
	} {
		if Includes(text, "/etc/ssh", file) != want {
			t.Errorf("%q: not %v", text, want)
		}
	}
}

func TestUsers(t *testing.T) {
	users, err := ParseUsers([]string{"ann:1:2,bob:3:4:/bin/sh", "eve:5:6"})
	if err != nil || !slices.Equal(users, []User{{"ann", 1, 2, ""}, {"bob", 3, 4, "/bin/sh"}, {"eve", 5, 6, ""}}) {
		t.Errorf("%v %v", users, err)
	}
	for text, want := range map[string]string{
		"ann": "is not NAME", "ann:1:2:3:4": "is not NAME", "ann:x:1": "no number", "ann:-1:1": "no number", "ann:4294967295:1": "no number",
		"a/b:1:1": "cannot be a user's name", "Ann:1:1": "cannot be", "ann:1:1:sh": "absolute", "ann:1:1,ann:2:2": "twice", "ann:1:1,bob:1:1": "same uid",
	} {
		if _, err := ParseUsers([]string{text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

const (
	passwdText = "root:x:0:0:root:/root:/bin/sh\nold:x:7:7::/home/old:/bin/sh\n"
	shadowText = "root:*:1::::::\nold:!:1::::::\n"
)

// etc makes a folder with accounts.
func etc(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"passwd": passwdText, "group": "root:x:0:\nold:x:7:\n", "shadow": shadowText, "gshadow": "root:*::\nold:!::\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAccounts(t *testing.T) {
	dir := etc(t)
	d, err := readDatabase(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		user User
		err  string
	}{
		{User{"ann", 0, 0, ""}, "root's already"}, {User{"old", 8, 7, ""}, "is there with 7:7"}, {User{"old", 7, 7, "/bin/zsh"}, "with the shell"},
		{User{"ann", 9, 9, "/nonexistent"}, "shell of ann"},
	} {
		if _, _, err := change(d, []User{tt.user}, nil, nil, false); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%v: %v", tt.user, err)
		}
	}
	r := Recipe{Etc: dir, Say: func(string) {}}
	for range 2 { // the second time changes nothing
		accounts, err := r.changeAccounts([]User{{"ann", 1500, 1600, "/bin/sh"}, {"old", 7, 7, ""}}, []string{"old"}, []password{{"ann", "$6$a$b", true}}, false)
		if err != nil || len(accounts) != 3 || accounts[2] != (Account{"ann", 1500, 1600, "/home/ann", "/bin/sh", "$6$a$b"}) || accounts[1].Hash != "*" {
			t.Fatalf("%v %v", accounts, err)
		}
	}
	for name, want := range map[string]string{"passwd": "\nann:x:1500:1600::/home/ann:/bin/sh\n", "group": "\nann:x:1600:\n", "gshadow": "\nann:!::\n", "shadow": "\nann:$6$a$b:"} {
		text, _ := os.ReadFile(filepath.Join(dir, name))
		if strings.Count(string(text), want) != 1 {
			t.Errorf("%s: %s", name, text)
		}
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, st.Mode(), err)
		}
	}
	if _, _, err := change(d, nil, []string{"nobody-here"}, nil, false); err == nil {
		t.Error("keys for nobody")
	}
}

func TestPasswords(t *testing.T) {
	for _, tt := range []struct {
		text  string
		clear bool
		err   string
	}{
		{"ann:$6$salt$hash\n# x\n\nbob:clear:with colon", true, ""},
		{"ann:$6$salt$hash", false, ""},
		{"ann:swordfish", false, "in clear"},
		{"ann:", true, "empty"},
		{"ann", true, "is not USER"},
		{"ann:$1", true, "none of crypt(5)"},
		{"ann:$6$a$b:c", true, "none of crypt(5)"},
	} {
		_, err := parsePasswords(tt.text, "HERE", tt.clear)
		if (err == nil) != (tt.err == "") || err != nil && (!strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "swordfish")) {
			t.Errorf("%q: %v", tt.text, err)
		}
	}
}

func TestWaysIn(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "keys"), []byte("# none\nssh-ed25519 AAAA\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := func(string) bool { return false }
	all := func(string) bool { return true }
	root := Account{"root", 0, 0, home, "/bin/sh", "$6$a$b"}
	keys := func(more ...string) Effective {
		return ParseEffective("authorizedkeysfile keys\npubkeyauthentication yes\n" + strings.Join(more, "\n"))
	}
	for _, tt := range []struct {
		name    string
		e       Effective
		a       Account
		noShell func(string) bool
		want    string
	}{
		{"key", keys("permitrootlogin without-password", "passwordauthentication yes"), root, none, "root by key"},
		{"both", keys("permitrootlogin yes", "passwordauthentication yes"), root, none, "root by key, root by password"},
		{"root not at all", keys("permitrootlogin no", "passwordauthentication yes"), root, none, ""},
		{"no password login", ParseEffective("permitrootlogin yes\npasswordauthentication no"), root, none, ""},
		{"locked", keys(), Account{"ann", 1, 1, home, "/bin/sh", "!"}, none, ""},
		{"locked, with PAM", keys("usepam yes"), Account{"ann", 1, 1, home, "/bin/sh", "!"}, none, "ann by key"},
		{"no shell", keys(), Account{"ann", 1, 1, home, "/usr/sbin/nologin", "*"}, none, ""},
		{"no shell, files alone", keys(), Account{"ann", 1, 1, home, "/usr/sbin/nologin", "*"}, all, "ann by key"},
		{"certificates", ParseEffective("trustedusercakeys /ca"), root, none, "users with certificates"},
		{"nothing", ParseEffective("trustedusercakeys none\nauthorizedkeyscommand none\nhostbasedauthentication no"), root, none, ""},
	} {
		if got := strings.Join(waysIn(tt.e, []Account{tt.a}, tt.noShell), ", "); got != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

// program is the real one, or the test is skipped.
func program(t *testing.T, name string) string {
	t.Helper()
	if p := lookIn(os.Getenv("PATH"), name); p != "" {
		return p
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing, and CI must have it: test/setup installs it", name)
	}
	t.Skipf("%s is not installed (test/setup installs it)", name)
	return ""
}

func TestHostKeys(t *testing.T) {
	o := OpenSSH{keygen: program(t, "ssh-keygen")}
	dir := t.TempDir()
	var files []string
	for _, k := range KeyTypes[:defaultTypes] {
		files = append(files, filepath.Join(dir, "keys", k.keyName()))
	}
	quiet := func(string) {}
	keys, err := o.HostKeys(files, Birth{}, false, quiet)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		if st, err := os.Stat(k.File); !k.Made || k.Baked || err != nil || st.Mode().Perm() != 0o600 || !slices.Contains(KeyTypes[i].Blob, k.Type()) {
			t.Errorf("%+v: %v", k, err)
		}
		out, err := exec.Command(o.keygen, "-l", "-f", k.File+".pub").Output()
		if err != nil || !strings.Contains(string(out), k.Fingerprint()) || i == 0 && !strings.HasPrefix(string(out), "3072 ") {
			t.Errorf("%s: %v, not %s", out, err, k.Fingerprint())
		}
		out, err = exec.Command(o.keygen, "-r", "host.example", "-f", k.File+".pub").Output()
		if want := strings.TrimPrefix(k.SSHFP("host.example"), "host.example. "); err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s has no %s", out, want)
		}
	}
	// What is there stays; a public half that does not fit or is missing is made from the private one.
	os.Remove(files[0] + ".pub")
	os.WriteFile(files[1]+".pub", []byte("ssh-rsa AAAA\n"), 0o644)
	os.Chmod(files[2], 0o644)
	again, err := o.HostKeys(files, Birth{}, true, quiet)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range again {
		pub, _ := os.ReadFile(k.File + ".pub")
		st, _ := os.Stat(k.File)
		if k.Made || k.Public != keys[i].Public || strings.TrimSpace(string(pub)) != k.Public || st.Mode().Perm() != 0o600 {
			t.Errorf("%+v: %q %v", k, pub, st.Mode())
		}
	}
	// Older than the container: told, and replaced only when that is asked for.
	birth := Birth{Time: time.Now().Add(time.Hour), OK: true, OnRoot: func(string) bool { return true }}
	baked, err := o.HostKeys(files[2:], birth, false, quiet)
	if err != nil || !baked[0].Baked || baked[0].Public != keys[2].Public {
		t.Errorf("%+v %v", baked, err)
	}
	fresh, err := o.HostKeys(files[2:], birth, true, quiet)
	if err != nil || fresh[0].Baked || !fresh[0].Made || fresh[0].Public == keys[2].Public {
		t.Errorf("%+v %v", fresh, err)
	}
	birth.OnRoot = func(string) bool { return false }
	if volume, err := o.HostKeys(files[2:], birth, true, quiet); err != nil || volume[0].Baked || volume[0].Made {
		t.Errorf("%+v %v", volume, err)
	}
	// An empty file is a full disk's; a broken key is somebody's.
	os.WriteFile(files[2], nil, 0o600)
	if made, err := o.HostKeys(files[2:], Birth{}, false, quiet); err != nil || !made[0].Made {
		t.Errorf("%+v %v", made, err)
	}
	os.WriteFile(files[2], []byte("-----BEGIN OPENSSH PRIVATE KEY-----\n"), 0o600)
	if _, err := o.HostKeys(files, Birth{}, true, quiet); err == nil || !strings.Contains(err.Error(), "cannot be used") {
		t.Errorf("%v", err)
	}
	left, _ := os.ReadDir(filepath.Join(dir, "keys"))
	if len(left) != 6 {
		t.Errorf("%v", left)
	}
}

// TestRace: of many that make the same key at once, all have the same.
func TestRace(t *testing.T) {
	o := OpenSSH{keygen: program(t, "ssh-keygen")}
	file := filepath.Join(t.TempDir(), "ssh_host_ed25519_key")
	keys := make(chan string)
	for range 8 {
		go func() {
			k, err := o.hostKey(file, Birth{}, false)
			if err != nil {
				k.Public = err.Error()
			}
			keys <- k.Public
		}()
	}
	first := <-keys
	for range 7 {
		if k := <-keys; k != first || !strings.HasPrefix(k, "ssh-ed25519 ") {
			t.Errorf("%q and %q", first, k)
		}
	}
}

func TestKeyLines(t *testing.T) {
	o := OpenSSH{keygen: program(t, "ssh-keygen")}
	k, err := o.hostKey(filepath.Join(t.TempDir(), "ed25519"), Birth{}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		text string
		n    int
		err  string
	}{
		{"# me\n" + k.Public + " me\n\n" + `no-pty,command="x y" ` + k.Public + "\r\n", 2, ""},
		{"", 0, ""},
		{k.Public + "\nssh-ed25519 AAAA\n", 0, "key 2 is no public key"},
		{"-----BEGIN OPENSSH PRIVATE KEY-----\n", 0, "private key"},
	} {
		keys, err := o.keyLines(keyFile{"HERE", nil, tt.text})
		if len(keys) != tt.n || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: %q %v", tt.text, keys, err)
		}
	}
}

// TestRealSSHD has the machine's own sshd judge a configuration.
func TestRealSSHD(t *testing.T) {
	program(t, "ssh-keygen")
	program(t, "sshd")
	if os.Getuid() != 0 {
		t.Skip("sshd's folder for privilege separation is root's to make")
	}
	o, err := Find(os.Getenv("PATH"))
	if err != nil {
		t.Fatal(err)
	}
	o.temp = t.TempDir()
	known, err := o.Ask("/dev/null")
	if err != nil || len(known["hostkey"]) != 0 || known.First("permitrootlogin") == "" {
		t.Fatalf("%v %v", known, err)
	}
	c := Configuration{Version: o.Version, Known: known, Port: "2200", Passwords: true, RootLogin: "password", AuthorizedKeysFile: []string{"/a/%u"},
		Session: []string{"A=b c", `D="`}, SFTPOnly: true, SFTPUsers: []string{"ann"}, Chroot: "/srv/%u"}
	file := filepath.Join(o.temp, "config")
	if err := os.WriteFile(file, []byte(c.Full("Port 22\nX11Forwarding no\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := o.Ask(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := taken(e, c); err != nil {
		t.Error(err)
	}
	c.Passwords = false
	if err := taken(e, c); err == nil {
		t.Error("what sshd does not take is not seen")
	}
}

func TestInstallDropIn(t *testing.T) {
	for unit, dir := range map[string]string{"ssh.service": "lib/systemd/system", "sshd.service": "usr/lib/systemd/system"} {
		root := t.TempDir()
		if _, err := InstallDropIn(root, "/sbin/keelson"); err == nil {
			t.Error("there is no unit")
		}
		os.MkdirAll(filepath.Join(root, dir), 0o755)
		os.WriteFile(filepath.Join(root, dir, unit), nil, 0o644)
		if _, err := InstallDropIn(root, "/opt/keelson"); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(root, "etc/systemd/system", unit+".d/keelson.conf"))
		if err != nil || !strings.Contains(string(text), "\nExecStartPre=\nExecStartPre=/opt/keelson sshd --prepare-only\n") {
			t.Errorf("%s %v", text, err)
		}
		if text, err := os.ReadFile(filepath.Join(root, "etc/systemd/system", SessionsUnit)); err != nil || !strings.Contains(string(text), "ExecStop=/opt/keelson sshd --end-sessions") {
			t.Errorf("%s %v", text, err)
		}
	}
}
