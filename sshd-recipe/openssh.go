package sshdrecipe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Version is an OpenSSH's.
type Version struct{ Major, Minor int }

// Before tells whether a version is older than another.
func (v Version) Before(o Version) bool {
	return v.Major < o.Major || v.Major == o.Major && v.Minor < o.Minor
}

func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// oldest is the first version that the recipe knows about: RHEL 7's.
var oldest = Version{7, 4}

// What came and went (release notes of OpenSSH).
var (
	noPrivsepOption = Version{7, 5} // UsePrivilegeSeparation is deprecated, and always on
	hasSetEnv       = Version{7, 8}
	hasInclude      = Version{8, 2}
	hasEscapes      = Version{8, 7} // \" within quotes of sshd_config (argv_split in misc.c)
	kbdInteractive  = Version{8, 7} // ChallengeResponseAuthentication is an alias of KbdInteractiveAuthentication
)

var versionText = regexp.MustCompile(`OpenSSH_(\d+)\.(\d+)`)

// ParseVersion finds a version in what sshd -V prints. An sshd from before that option prints its version with the usage.
func ParseVersion(text string) (Version, error) {
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return Version{}, errors.New("it does not say which version of OpenSSH it is")
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return Version{major, minor}, nil
}

// programTime is what a program of the image may take: making an RSA key on a busy machine takes seconds.
const programTime = 2 * time.Minute

// An OpenSSH is the image's.
type OpenSSH struct {
	sshd, keygen string
	temp         string // for files of a moment, "" for the system's folder
	Version      Version
}

// Find looks for the image's sshd and ssh-keygen. sshd insists on being called by its whole path.
func Find(path string) (OpenSSH, error) {
	var o OpenSSH
	for _, p := range []struct {
		name string
		at   *string
	}{{"sshd", &o.sshd}, {"ssh-keygen", &o.keygen}} {
		if *p.at = lookIn(path, p.name); *p.at == "" {
			return o, fmt.Errorf("there is no %s in this image: install openssh-server (Debian, RHEL) or openssh (Alpine)", p.name)
		}
	}
	_, text, _ := run("", o.sshd, "-V")
	v, err := ParseVersion(text)
	if err != nil {
		return o, fmt.Errorf("%s: %w", o.sshd, err)
	}
	if v.Before(oldest) {
		return o, fmt.Errorf("%s is OpenSSH %s: %s is the oldest that is known here", o.sshd, v, oldest)
	}
	o.Version = v
	return o, nil
}

// lookIn finds a program; folders for servers are looked through even if $PATH leaves them out.
func lookIn(path, name string) string {
	for _, dir := range append(filepath.SplitList(path), "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin") {
		file := filepath.Join(dir, name)
		if st, err := os.Stat(file); filepath.IsAbs(dir) && err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

// run runs a program to its end. all is stdout and stderr; err says what stderr did.
func run(stdin, program string, args ...string) (stdout, all string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), programTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Dir = "/"
	cmd.WaitDelay = time.Second
	var out, e strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &e
	err = cmd.Run()
	if err != nil {
		text := strings.TrimSpace(e.String())
		if text == "" {
			text = strings.TrimSpace(out.String())
		}
		if text == "" {
			text = err.Error()
		}
		err = fmt.Errorf("%s: %s", filepath.Base(program), strings.Join(strings.Fields(text), " "))
	}
	return out.String(), out.String() + e.String(), err
}

// Effective is what sshd makes of its configuration: values by keyword in lower case, one of each line.
type Effective map[string][]string

// ParseEffective reads what sshd -T prints.
func ParseEffective(text string) Effective {
	e := Effective{}
	for line := range strings.Lines(text) {
		if keyword, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			e[strings.ToLower(keyword)] = append(e[strings.ToLower(keyword)], value)
		}
	}
	return e
}

// First is a keyword's value.
func (e Effective) First(keyword string) string {
	if len(e[keyword]) == 0 {
		return ""
	}
	return e[keyword][0]
}

// Knows tells whether this sshd has a keyword, of those that sshd -T prints.
func (e Effective) Knows(keyword string) bool { return len(e[keyword]) > 0 }

var missingFolder = regexp.MustCompile(`Missing privilege separation directory: (\S+)`)

// Ask is sshd -T. sshd does not answer without a host key, so it is lent one, and not without the folder that it was built to need: that is made. config is
// its configuration, "" for its own.
func (o OpenSSH) Ask(config string) (Effective, error) {
	dir, err := os.MkdirTemp(o.temp, "ask-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	lent := filepath.Join(dir, "key")
	if _, _, err := run("", o.keygen, "-q", "-t", "ecdsa", "-N", "", "-C", "", "-f", lent); err != nil {
		return nil, err
	}
	out, err := o.check(append([]string{"-T", "-h", lent}, with(config)...))
	if err != nil {
		return nil, err
	}
	e := ParseEffective(out)
	keys := e["hostkey"]
	e["hostkey"] = nil
	for _, k := range keys {
		if k != lent {
			e["hostkey"] = append(e["hostkey"], k)
		}
	}
	return e, nil
}

// Check is sshd -t.
func (o OpenSSH) Check(config string) error {
	_, err := o.check(append([]string{"-t"}, with(config)...))
	return err
}

func with(config string) []string {
	if config == "" {
		return nil
	}
	return []string{"-f", config}
}

func (o OpenSSH) check(args []string) (string, error) {
	out, all, err := run("", o.sshd, args...)
	if m := missingFolder.FindStringSubmatch(all); err != nil && m != nil {
		if e := os.MkdirAll(m[1], 0o755); e != nil {
			return "", fmt.Errorf("sshd needs %s: %w; docker run --tmpfs /run gives it a place", m[1], e)
		}
		out, _, err = run("", o.sshd, args...)
	}
	return out, err
}
