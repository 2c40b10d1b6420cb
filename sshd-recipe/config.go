package sshdrecipe

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A Configuration is what the recipe wants of sshd.
type Configuration struct {
	Version  Version
	Known    Effective // the keywords that this sshd has
	Rootless bool

	Options            []string // lines of a person's own, first
	Port               string
	HostKeys           []string // nil: where sshd looks by itself
	PAM                bool
	Passwords          bool
	RootLogin          string   // key, password or no
	AuthorizedKeysFile []string // patterns
	Session            []string // NAME=VALUE for logins
	SFTPOnly           bool
	SFTPUsers          []string // those alone; nil for all
	Chroot             string
	State              string
}

// A line is a keyword and its value; it is left out unless needed.
type line struct {
	keyword, value string
	when           bool
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// rootLogins are the values of PermitRootLogin.
var rootLogins = map[string]string{"": "prohibit-password", "key": "prohibit-password", "password": "yes", "no": "no"}

const configHead = "# Made by keelson sshd at each start: see keelson sshd --help.\n"

// Global are the lines before any Match.
func (c Configuration) Global() string {
	var b strings.Builder
	b.WriteString(configHead)
	for _, o := range c.Options {
		b.WriteString(o + "\n")
	}
	lines := []line{{"Port", c.Port, c.Port != ""}}
	for _, k := range c.HostKeys {
		lines = append(lines, line{"HostKey", k, true})
	}
	session, _ := c.SetEnv()
	lines = append(lines, []line{
		{"UsePrivilegeSeparation", "no", c.Rootless && c.Version.Before(noPrivsepOption)},
		{"UsePAM", yesNo(c.PAM), c.PAM || c.Known.Knows("usepam")}, // an sshd without PAM does not know the word
		{"PermitRootLogin", rootLogins[c.RootLogin], true},
		{"PasswordAuthentication", yesNo(c.Passwords), true},
		{"KbdInteractiveAuthentication", "no", true},
		{"ChallengeResponseAuthentication", "no", c.Version.Before(kbdInteractive)},
		{"AuthorizedKeysFile", strings.Join(c.AuthorizedKeysFile, " "), len(c.AuthorizedKeysFile) > 0},
		// All files are one user's, and a container platform's folders may well be writable for a group.
		{"StrictModes", "no", c.Rootless},
		{"PidFile", filepath.Join(c.State, "sshd.pid"), c.Rootless},
		{"SetEnv", session, session != ""},
		{"PermitUserEnvironment", "yes", len(c.Session) > 0 && c.Version.Before(hasSetEnv)},
		{"Subsystem", "sftp internal-sftp", !c.hasSFTP()},
	}...)
	if c.SFTPOnly && c.SFTPUsers == nil {
		lines = append(lines, c.restrict()...)
	}
	for _, l := range lines {
		if l.when {
			fmt.Fprintf(&b, "%s %s\n", l.keyword, l.value)
		}
	}
	return b.String()
}

// Matches are the lines from the first Match on.
func (c Configuration) Matches() string {
	if !c.SFTPOnly || c.SFTPUsers == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Match User %s\n", strings.Join(c.SFTPUsers, ","))
	for _, l := range c.restrict() {
		if l.when {
			fmt.Fprintf(&b, "\t%s %s\n", l.keyword, l.value)
		}
	}
	return b.String()
}

// filesFolder is the one within a chroot that is its user's: the chroot itself must be root's (sshd_config(5), ChrootDirectory).
const filesFolder = "files"

// restrict are the lines for file transfer alone.
func (c Configuration) restrict() []line {
	command := "internal-sftp"
	if c.Chroot != "" {
		command += " -d /" + filesFolder
	}
	return []line{
		{"ForceCommand", command, true},
		{"ChrootDirectory", c.Chroot, c.Chroot != ""},
		{"DisableForwarding", "yes", true},
		{"PermitTTY", "no", true},
	}
}

// onlyFiles tells whether a user is for file transfer alone.
func (c Configuration) onlyFiles(user string) bool {
	return c.SFTPOnly && (c.SFTPUsers == nil && user != "root" || slices.Contains(c.SFTPUsers, user))
}

func (c Configuration) hasSFTP() bool {
	for _, s := range c.Known["subsystem"] {
		if strings.HasPrefix(s, "sftp ") {
			return true
		}
	}
	return false
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// SetEnv is SetEnv's value: the first such line counts, so all assignments are in it. skipped are the names of those that this sshd's quoting cannot express.
func (c Configuration) SetEnv() (value string, skipped []string) {
	if c.Version.Before(hasSetEnv) {
		return "", nil
	}
	var words []string
	for _, a := range c.Session {
		q, ok := c.quote(a)
		if name, _, _ := strings.Cut(a, "="); !ok {
			skipped = append(skipped, name)
			continue
		}
		words = append(words, q)
	}
	return strings.Join(words, " "), skipped
}

func (c Configuration) quote(s string) (string, bool) {
	if strings.ContainsAny(s, "\n\r\x00") {
		return "", false
	}
	if c.Version.Before(hasEscapes) { // strdelim in misc.c: up to the next quote, and a backslash is one
		return `"` + s + `"`, !strings.Contains(s, `"`)
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`, true
}

// KeyOptions are the assignments as options of authorized_keys, for an sshd without SetEnv.
func (c Configuration) KeyOptions() string {
	if !c.Version.Before(hasSetEnv) {
		return ""
	}
	var words []string
	for _, a := range c.Session {
		if !strings.ContainsAny(a, "\n\r\x00") {
			words = append(words, `environment="`+strings.ReplaceAll(a, `"`, `\"`)+`"`)
		}
	}
	return strings.Join(words, ",")
}

// private are variables that are about the container's first process, or that login sets itself.
var private = []string{
	"HOME", "HOSTNAME", "LOGNAME", "MAIL", "OLDPWD", "PWD", "SHELL", "SHLVL", "TERM", "USER", "_", "container", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
	"NOTIFY_SOCKET", "INVOCATION_ID", "JOURNAL_STREAM", "MAINPID", "MANAGERPID", "CREDENTIALS_DIRECTORY", "SYSTEMD_EXEC_PID", "WATCHDOG_PID", "WATCHDOG_USEC",
}

// sessionEnvironment is what of the container's environment logins are to have. said is the setting's value.
func sessionEnvironment(environ []string, said string) ([]string, error) {
	if said == "" {
		return nil, nil
	}
	var list []string
	if said != "yes" {
	names:
		for _, name := range strings.Split(said, ",") {
			for _, a := range environ {
				if strings.HasPrefix(a, name+"=") && variable.MatchString(a) {
					list = append(list, a)
					continue names
				}
			}
			return nil, fmt.Errorf("--session-env names %q, which is not in the environment", name)
		}
		return list, nil
	}
	own := map[string]bool{}
	for _, p := range private {
		own[p] = true
	}
	for _, s := range Settings {
		own[s.Env], own[s.Env+"_FILE"] = true, true
	}
	for _, a := range environ {
		name, _, _ := strings.Cut(a, "=")
		if variable.MatchString(a) && !own[name] && !strings.HasPrefix(name, "KEELSON_") {
			list = append(list, a)
		}
	}
	return list, nil
}

// keyword is the first word of a line of sshd_config, in lower case.
func keyword(l string) (word, rest string) {
	l = strings.TrimSpace(l)
	if l == "" || l[0] == '#' {
		return "", ""
	}
	i := strings.IndexAny(l, " \t=")
	if i < 0 {
		return strings.ToLower(l), ""
	}
	return strings.ToLower(l[:i]), strings.Trim(strings.TrimLeft(l[i:], " \t="), `"`)
}

// Includes tells whether a configuration reads a file, before any Match.
func Includes(text, dir, file string) bool {
	for l := range strings.Lines(text) {
		word, rest := keyword(l)
		if word == "match" {
			return false
		}
		if word != "include" {
			continue
		}
		for _, pattern := range strings.Fields(rest) {
			pattern = strings.Trim(pattern, `"`)
			if !filepath.IsAbs(pattern) {
				pattern = filepath.Join(dir, pattern)
			}
			if ok, _ := filepath.Match(pattern, file); ok {
				return true
			}
		}
	}
	return false
}

// says tells whether a configuration has a keyword.
func says(text, word string) bool {
	for l := range strings.Lines(text) {
		if w, _ := keyword(l); w == word {
			return true
		}
	}
	return false
}

// Full is a configuration of its own: the image's text below the recipe's lines, but for keywords whose values would add up.
func (c Configuration) Full(image string) string {
	var b strings.Builder
	b.WriteString(c.Global())
	b.WriteString("\n# The image's own configuration.\n")
	for l := range strings.Lines(image) {
		switch word, _ := keyword(l); {
		case word == "hostkey" && c.HostKeys != nil, word == "port" && c.Port != "":
			b.WriteString("# not taken: ")
		}
		b.WriteString(strings.TrimRight(l, "\r\n") + "\n")
	}
	b.WriteString("\n" + c.Matches())
	return b.String()
}
