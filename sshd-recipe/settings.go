package sshdrecipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Form is what a setting's value looks like.
type Form uint8

// The forms.
const (
	Text     Form = iota // one value
	List                 // repeatable; in a variable a line each
	Switch               // yes or no, as a flag without a value
	Optional             // a switch, or a list of names with commas
)

// A Setting is one row of the table that parses the command line and the environment, and prints the help and the documentation.
type Setting struct {
	Flag    string // without the dashes
	Value   string // what the value is called; "" for a switch
	Form    Form
	Env     string // the variable; "" for none. Env+_FILE names a file with the value
	Private bool   // the value is not for argv: the flag names a file, and only hashes may be in the variable
	Secret  string // a file that is read where nothing else is said; a name below the secrets' folder
	Default string // for people
	Text    string
}

// SecretsFolder is where Docker and Kubernetes put secrets.
const SecretsFolder = "/run/secrets"

// Settings are all of them, in the order of the help.
var Settings = []Setting{
	{Flag: "users", Value: "NAME:UID:GID[:SHELL],…", Form: List, Env: "SSH_USERS", Secret: "ssh_users",
		Text: "accounts to have, made with their group and home where they are missing; SHELL is /bin/bash or else /bin/sh"},
	{Flag: "authorized-keys", Value: "[USER=]FILE", Form: List, Env: "SSH_AUTHORIZED_KEYS", Secret: "ssh_authorized_keys",
		Text: "public keys, a line each: for USER, or for all of --users, or for root where there are none; the variable holds the keys themselves"},
	{Flag: "keys-folder", Value: "DIR", Env: "SSH_KEYS_FOLDER", Default: "/etc/authorized_keys",
		Text: "a folder with a file of public keys for each user, named as the user"},
	{Flag: "passwords", Value: "FILE", Env: "SSH_PASSWORDS", Private: true, Secret: "ssh_passwords",
		Text: "lines USER:HASH as in shadow(5), or USER:PASSWORD; the variable takes hashes only. Allows login by password"},
	{Flag: "root-login", Value: "key|password|no", Env: "SSH_ROOT_LOGIN", Default: "key", Text: "how root may log in"},
	{Flag: "host-keys", Value: "DIR", Env: "SSH_HOST_KEYS", Default: "where sshd looks",
		Text: "keep the host keys there: a volume, so that a new container has the same"},
	{Flag: "fresh-keys", Form: Switch, Env: "SSH_FRESH_KEYS", Text: "replace host keys that came with the image"},
	{Flag: "sshfp", Form: Switch, Env: "SSH_SSHFP", Text: "print the host keys' SSHFP records for the DNS, too"},
	{Flag: "port", Value: "PORT", Env: "SSH_PORT", Default: "sshd's own, 2222 without root", Text: "the port to listen on"},
	{Flag: "sftp-only", Value: "USER,…", Form: Optional, Env: "SSH_SFTP_ONLY", Text: "no shell, no forwarding: file transfer alone, for all or for the named users"},
	{Flag: "chroot", Value: "DIR", Env: "SSH_CHROOT",
		Text: "lock them into DIR (%u is the user, %h the home); made where it is missing, with a folder \"files\" that is the user's"},
	{Flag: "session-env", Value: "NAME,…", Form: Optional, Env: "SSH_SESSION_ENV", Text: "logins have the container's environment, or the named variables of it"},
	{Flag: "pam", Form: Switch, Env: "SSH_PAM", Text: "leave accounts, sessions and passwords to PAM (UsePAM yes)"},
	{Flag: "option", Value: "LINE", Form: List, Env: "SSH_OPTIONS", Text: "a line of sshd_config(5); it comes before all others"},
	{Flag: "state", Value: "DIR", Env: "SSH_STATE", Default: "/run/keelson-sshd", Text: "where the recipe writes; without root a folder of the user's own"},
}

// Actions are flags that say what is done instead of running sshd. They have no variable.
var Actions = []Setting{
	{Flag: "prepare-only", Form: Switch, Text: "make everything ready and start nothing: for ExecStartPre= of the image's own unit"},
	{Flag: "install-drop-in", Form: Switch, Text: "give the image's ssh.service or sshd.service the preparation, for systemctl start"},
	{Flag: "end-sessions", Form: Switch, Text: "tell the sessions that they end, and end them: for ExecStop="},
}

// Values are what was said, by flag.
type Values struct {
	one  map[string]string
	list map[string][]string
	from map[string]string // where it was said, for errors
}

func newValues() Values {
	return Values{map[string]string{}, map[string][]string{}, map[string]string{}}
}

// Get is the value of a setting, "" if there is none.
func (v Values) Get(flag string) string { return v.one[flag] }

// All are the values of a list.
func (v Values) All(flag string) []string { return v.list[flag] }

// From is where a value was said.
func (v Values) From(flag string) string { return v.from[flag] }

// On tells whether a switch is.
func (v Values) On(flag string) bool { return v.one[flag] == "yes" }

// find is the row of a flag.
func find(flag string) (Setting, bool) {
	for _, table := range [][]Setting{Settings, Actions} {
		for _, s := range table {
			if s.Flag == flag {
				return s, true
			}
		}
	}
	return Setting{}, false
}

// ErrHelp is what Parse gives where the help is asked for.
var ErrHelp = errors.New("help")

// Parse reads the command line, then for what it does not say the environment, then the secrets below a folder. A flag's value stands behind "=" or is the
// next argument, but for switches and optional ones.
func Parse(args, environ []string, secrets string) (Values, error) {
	v := newValues()
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		name, value, has := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		s, ok := find(name)
		switch {
		case arg == "-h" || arg == "--help":
			return v, ErrHelp
		case !strings.HasPrefix(arg, "-"):
			return v, fmt.Errorf("unexpected argument %q; it takes options alone", arg)
		case !ok:
			return v, fmt.Errorf("no option %q; keelson sshd --help lists them", arg)
		case !has && (s.Form == Switch || s.Form == Optional):
			value = "yes"
		case !has && len(args) == 0:
			return v, fmt.Errorf("--%s needs %s", s.Flag, s.Value)
		case !has:
			value, args = args[0], args[1:]
		}
		if err := v.add(s, value, "--"+s.Flag, true); err != nil {
			return v, err
		}
	}
	for _, s := range Settings {
		if _, said := v.from[s.Flag]; said {
			continue
		}
		if err := v.lookup(s, environ, secrets); err != nil {
			return v, err
		}
	}
	return v, v.check()
}

// lookup takes a setting from the environment or a secret.
func (v Values) lookup(s Setting, environ []string, secrets string) error {
	get := func(name string) string {
		for _, e := range environ {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
	if value := get(s.Env); value != "" {
		return v.add(s, value, s.Env, false)
	}
	if name := get(s.Env + "_FILE"); name != "" {
		text, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("%s_FILE: %w", s.Env, err)
		}
		return v.add(s, strings.TrimRight(string(text), "\n"), s.Env+"_FILE", false)
	}
	if s.Secret == "" || secrets == "" {
		return nil
	}
	name := filepath.Join(secrets, s.Secret)
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return v.add(s, strings.TrimRight(string(text), "\n"), name, false)
}

// add notes a value. byFlag: a private one, and the keys, are the name of a file.
func (v Values) add(s Setting, value, from string, byFlag bool) error {
	switch {
	case s.Form == Switch || s.Form == Optional && (isYes(value) || isNo(value)):
		switch {
		case isYes(value):
			value = "yes"
		case isNo(value):
			value = ""
		default:
			return fmt.Errorf("%s: %q is neither yes nor no", from, value)
		}
	case value == "":
		return fmt.Errorf("%s is empty: it needs %s", from, s.Value)
	case s.Private && byFlag:
		text, err := os.ReadFile(value)
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		value, from = strings.TrimRight(string(text), "\n"), value
	case s.Form == List && byFlag:
		v.list[s.Flag] = append(v.list[s.Flag], value)
		v.from[s.Flag] = from
		return nil
	}
	v.from[s.Flag] = from
	if s.Form == List {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				v.list[s.Flag] = append(v.list[s.Flag], line)
			}
		}
		return nil
	}
	v.one[s.Flag] = value
	return nil
}

func isYes(s string) bool { return s == "yes" || s == "true" || s == "1" || s == "on" }
func isNo(s string) bool  { return s == "no" || s == "false" || s == "0" || s == "off" }

// check is about values that have only some.
func (v Values) check() error {
	if r := v.Get("root-login"); r != "" && r != "key" && r != "password" && r != "no" {
		return fmt.Errorf("%s: %q is none of key, password and no", v.From("root-login"), r)
	}
	if p := v.Get("port"); p != "" && !validPort(p) {
		return fmt.Errorf("%s: %q is no port from 1 to 65535", v.From("port"), p)
	}
	for _, flag := range []string{"host-keys", "keys-folder", "chroot", "state"} {
		if d := v.Get(flag); d != "" && (!strings.HasPrefix(d, "/") && !strings.HasPrefix(d, "%h") || strings.ContainsAny(d, " \t\n\"'\\#")) {
			return fmt.Errorf("%s: %q is no absolute path without spaces and quotes", v.From(flag), d)
		}
	}
	for _, o := range v.All("option") {
		word, _, _ := strings.Cut(strings.ToLower(o), " ")
		if strings.ContainsAny(o, "\n\r\x00") || word == "match" || word == "include" || word == "hostkey" {
			return fmt.Errorf("%s: %q cannot be an option: it is to be one line, and Match, Include and HostKey have no place there", v.From("option"), o)
		}
	}
	return nil
}

func validPort(s string) bool {
	n, err := parseID(s)
	return err == nil && n > 0 && n < 65536
}
