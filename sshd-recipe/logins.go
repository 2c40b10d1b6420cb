package sshdrecipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// A keyFile is public keys and where they were said.
type keyFile struct {
	from  string
	users []string // whose they are
	text  string
}

// keyFiles gathers the public keys that were given. everybody are the users for keys that name none.
func (r *Recipe) keyFiles(everybody []string) ([]keyFile, error) {
	var list []keyFile
	v := r.Values
	if from := v.From("authorized-keys"); strings.HasPrefix(from, "--") {
		for _, item := range v.All("authorized-keys") {
			users, file := everybody, item
			if name, rest, ok := strings.Cut(item, "="); ok && validName.MatchString(name) {
				users, file = []string{name}, rest
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", from, err)
			}
			list = append(list, keyFile{file, users, string(text)})
		}
	} else if from != "" {
		list = append(list, keyFile{from, everybody, strings.Join(v.All("authorized-keys"), "\n")})
	}
	folder, said := v.Get("keys-folder"), true
	if folder == "" {
		folder, said = filepath.Join(r.Etc, "authorized_keys"), false
	}
	for _, place := range []struct {
		dir, prefix string
		must        bool
	}{{folder, "", said}, {r.Secrets, "ssh_authorized_keys_", false}} {
		entries, err := os.ReadDir(place.dir) // sorted
		if err != nil && (place.must || !errors.Is(err, os.ErrNotExist)) {
			return nil, err
		}
		for _, e := range entries {
			name, ok := strings.CutPrefix(e.Name(), place.prefix)
			file := filepath.Join(place.dir, e.Name())
			if st, err := os.Stat(file); !ok || err != nil || !st.Mode().IsRegular() || !validName.MatchString(name) {
				continue // Kubernetes' ..data and the like
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			list = append(list, keyFile{file, []string{name}, string(text)})
		}
	}
	return list, nil
}

// keyLines are the keys of a file, which ssh-keygen has to know every one of.
func (o OpenSSH) keyLines(f keyFile) ([]string, error) {
	if strings.Contains(f.text, "PRIVATE KEY-----") {
		return nil, fmt.Errorf("%s has a private key in it: the public one, the .pub file, belongs there", f.from)
	}
	var keys []string
	for line := range strings.Lines(f.text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			keys = append(keys, line)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	if out, _, err := run(strings.Join(keys, "\n")+"\n", o.keygen, "-l", "-f", "-"); err == nil && strings.Count(out, "\n") == len(keys) {
		return keys, nil
	}
	for i, k := range keys {
		if _, _, err := run(k+"\n", o.keygen, "-l", "-f", "-"); err != nil {
			return nil, fmt.Errorf("%s: key %d is no public key that OpenSSH %s knows: %.40q", f.from, i+1, o.Version, k)
		}
	}
	return keys, nil
}

// authorize writes the keys to the state folder, a file for each user. prefix is put before each key as an option of authorized_keys. It gives
// the users, sorted.
func (r *Recipe) authorize(o OpenSSH, files []keyFile, prefix string) ([]string, error) {
	keys := map[string][]string{}
	for _, f := range files {
		lines, err := o.keyLines(f)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			if prefix != "" {
				l = withOption(l, prefix)
			}
			for _, u := range f.users {
				keys[u] = append(keys[u], l)
			}
		}
	}
	dir := filepath.Join(r.state, "authorized_keys")
	if err := os.RemoveAll(dir); err != nil { // what is no longer given no longer counts
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	var users []string
	for u := range keys {
		users = append(users, u)
	}
	sort.Strings(users)
	for _, u := range users {
		if err := writeWhole(filepath.Join(dir, u), strings.Join(keys[u], "\n")+"\n", 0o644); err != nil {
			return nil, err
		}
	}
	return users, nil
}

// withOption puts an option before a line of authorized_keys, which may have some (sshd(8), "AUTHORIZED_KEYS FILE FORMAT").
func withOption(line, option string) string {
	word := strings.Fields(line)[0]
	for _, t := range KeyTypes {
		for _, b := range t.Blob {
			if word == b || strings.HasPrefix(word, b+"-cert") {
				return option + " " + line
			}
		}
	}
	if strings.HasPrefix(word, "sk-") {
		return option + " " + line
	}
	return option + "," + line
}

// A password is a user's, in clear or hashed.
type password struct {
	user, value string
	hashed      bool
}

// parsePasswords reads lines USER:HASH and USER:PASSWORD. A hash is what crypt(5) begins with "$".
func parsePasswords(text, from string, clear bool) ([]password, error) {
	var list []password
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		user, value, ok := strings.Cut(line, ":")
		p := password{user, value, strings.HasPrefix(value, "$")}
		switch { // the value is never told
		case !ok || !validName.MatchString(user):
			return nil, fmt.Errorf("%s: line %d is not USER:HASH or USER:PASSWORD", from, n)
		case value == "":
			return nil, fmt.Errorf("%s: the password of %s is empty, and such a one lets everybody in", from, user)
		case p.hashed && (strings.ContainsAny(value, ": \t") || strings.Count(value, "$") < 3):
			return nil, fmt.Errorf("%s: the hash of %s is none of crypt(5): $ID$SALT$HASH", from, user)
		case !p.hashed && !clear:
			return nil, fmt.Errorf("%s: the password of %s is in clear, and others can read the environment: give a hash (openssl passwd -6) or %s_FILE", from, user, from)
		}
		list = append(list, p)
	}
	return list, nil
}

// setClear has the image's chpasswd(8) hash passwords: it is made for the libcrypt that will be asked, and uses the method that the image prefers.
func setClear(list []password, path string) error {
	var in strings.Builder
	for _, p := range list {
		if !p.hashed {
			fmt.Fprintf(&in, "%s:%s\n", p.user, p.value)
		}
	}
	if in.Len() == 0 {
		return nil
	}
	program := lookIn(path, "chpasswd")
	if program == "" {
		return errors.New("a password is in clear and the image has no chpasswd to hash it: give a hash (openssl passwd -6)")
	}
	_, _, err := run(in.String(), program)
	return err
}
