package unit

import (
	"strconv"
	"strings"
)

// userName is a user or a group, by name or number. An unusable one refuses the unit.
func userName(f field[string]) form {
	return form{"user or group", func(a *assignment) {
		if a.value == "" {
			*f(a.u) = ""
			return
		}
		if s, ok := a.user(a.value); ok {
			*f(a.u) = s
		}
	}}
}

func userNames(f field[[]string]) form {
	return form{"list of groups", func(a *assignment) {
		list := f(a.u)
		if a.value == "" {
			*list = nil
			return
		}
		if err := eachWord(a.value, 0, func(w string) {
			if s, ok := a.user(w); ok && !a.refused {
				*list = append(*list, s)
			}
		}); err != nil {
			a.refuse("Invalid syntax: %s", a.value)
		}
	}}
}

func (a *assignment) user(text string) (string, bool) {
	s, err := a.spec.expand(text, allSpecifiers, lineMax)
	if err != nil {
		a.refuse("Failed to resolve unit specifiers in %s: %v", text, err)
		return "", false
	}
	if !validUser(s) {
		a.refuse("Invalid user/group name or numeric ID: %s", s)
		return "", false
	}
	if strings.Contains(a.key, "User") && s == "nobody" {
		a.remark(Notice, "Special user %s configured, this is not safe!", s)
	}
	if !strictUser(s) {
		a.remark(Notice, "Accepting user/group name '%s', which does not match strict user/group name rules.", s)
	}
	return s, true
}

// validUser: systemd takes nearly all names (valid_user_group_name in src/basic/user-util.c, relaxed).
func validUser(s string) bool {
	if id, err := strconv.ParseUint(s, 10, 32); err == nil && (s == "0" || s[0] != '0') {
		return id != 0xffff && id != 0xffffffff
	}
	switch {
	case s == "", s[0] == ' ', s[len(s)-1] == ' ', s == ".", s == "..", !cleanUTF8(s), strings.ContainsAny(s, ":/"):
		return false
	case strings.Trim(strings.TrimPrefix(s, "-"), "0123456789") == "":
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func strictUser(s string) bool {
	if _, err := strconv.ParseUint(s, 10, 32); err == nil {
		return true
	}
	for i := range len(s) {
		if c := s[i]; !isNameStart(c) && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return len(s) <= 31
}
