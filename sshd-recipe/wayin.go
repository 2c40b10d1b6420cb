package sshdrecipe

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// waysIn are the users that can log in, each with how: "root by key"; noShell tells whose shell is not run. sshd's own words decide, not what was said to the recipe.
func waysIn(e Effective, accounts []Account, noShell func(user string) bool) []string {
	var ways []string
	pam := e.First("usepam") == "yes"
	for _, a := range accounts {
		if !noShell(a.Name) && !hasShell(a) || a.locked() && !pam {
			continue
		}
		root := ""
		if a.UID == 0 {
			root = e.First("permitrootlogin")
		}
		if root == "no" {
			continue
		}
		if e.First("pubkeyauthentication") != "no" && hasKey(e.First("authorizedkeysfile"), a) {
			ways = append(ways, a.Name+" by key")
		}
		typed := e.First("passwordauthentication") == "yes" || pam && e.First("kbdinteractiveauthentication") == "yes"
		if typed && a.typable() && (a.UID != 0 || root == "yes") {
			ways = append(ways, a.Name+" by password")
		}
	}
	for _, o := range []struct{ keyword, off, what string }{
		{"trustedusercakeys", "none", "users with certificates"},
		{"authorizedkeyscommand", "none", "users whose keys AuthorizedKeysCommand knows"},
		{"hostbasedauthentication", "no", "users of trusted hosts"},
	} {
		if v := e.First(o.keyword); v != "" && v != o.off {
			ways = append(ways, o.what)
		}
	}
	if _, err := os.Stat("/etc/krb5.keytab"); err == nil && (e.First("gssapiauthentication") == "yes" || e.First("kerberosauthentication") == "yes") {
		ways = append(ways, "users of Kerberos")
	}
	return ways
}

// hasShell tells whether an account is one to log in to.
func hasShell(a Account) bool {
	switch filepath.Base(a.Shell) {
	case "nologin", "false", "sync", "halt", "shutdown":
		return false
	case ".": // none is /bin/sh
		return true
	}
	st, err := os.Stat(a.Shell)
	return err == nil && st.Mode().IsRegular()
}

// hasKey tells whether any of the patterns of AuthorizedKeysFile leads to a key.
func hasKey(patterns string, a Account) bool {
	expand := strings.NewReplacer("%%", "%", "%h", a.Home, "%u", a.Name, "%U", strconv.Itoa(a.UID))
	for _, p := range strings.Fields(patterns) {
		if p == "none" {
			continue
		}
		file := expand.Replace(p)
		if !filepath.IsAbs(file) {
			file = filepath.Join(a.Home, file)
		}
		st, err := os.Stat(file)
		if err != nil || !st.Mode().IsRegular() { // a FIFO would block
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for l := range strings.Lines(string(text)) {
			if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
				return true
			}
		}
	}
	return false
}
