package applet

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Glyph is a character that output is decorated with.
type Glyph uint8

// The glyphs that systemd's programs use.
const (
	TreeVertical Glyph = iota
	TreeBranch
	TreeRight
	TreeSpace
	TriangularBullet
	BlackCircle
	WhiteCircle
	MultiplicationSign
	CircleArrow
	Bullet
	CheckMark
	CrossMark
	ArrowRight
	Ellipsis
	NoGlyph
)

// drawings: each glyph in ASCII and in Unicode (special_glyph of src/basic/glyph-util.c).
var drawings = [NoGlyph + 1][2]string{
	TreeVertical:       {"| ", "│ "},
	TreeBranch:         {"|-", "├─"},
	TreeRight:          {"`-", "└─"},
	TreeSpace:          {"  ", "  "},
	TriangularBullet:   {">", "‣"},
	BlackCircle:        {"*", "●"},
	WhiteCircle:        {"*", "○"},
	MultiplicationSign: {"x", "×"},
	CircleArrow:        {"*", "↻"},
	Bullet:             {"*", "•"},
	CheckMark:          {"+", "✓"},
	CrossMark:          {"-", "✗"},
	ArrowRight:         {"->", "→"},
	Ellipsis:           {"...", "…"},
}

// Glyph is how a glyph is drawn here.
func (h *Host) Glyph(g Glyph) string {
	if h.UTF8() {
		return drawings[g][1]
	}
	return drawings[g][0]
}

// UTF8 tells whether output may have more than ASCII. The C library would ask the locale's files, which a static program has no
// reader for; the locale's name says it as well: what comes after the dot, or UTF-8 if no locale is set at all. A locale whose
// files the machine lacks is no locale, and then systemd takes UTF-8, too (is_locale_utf8 of src/basic/locale-util.c). $SYSTEMD_UTF8
// overrides it.
func (h *Host) UTF8() bool {
	if h.utf8 == unknown {
		h.utf8 = known(h.localeUTF8())
	}
	return h.utf8 == yes
}

func (h *Host) localeUTF8() bool {
	if v, set := h.Flag("SYSTEMD_UTF8"); set {
		return v
	}
	locale := ""
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale = h.Getenv(name); locale != "" {
			break
		}
	}
	switch locale {
	case "":
		// Set, but empty: systemd asks whether the variables are there.
		for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
			if _, set := h.Lookupenv(name); set {
				return false
			}
		}
		return true
	case "C", "POSIX":
		return false
	}
	if _, charset, ok := strings.Cut(locale, "."); ok {
		charset, _, _ = strings.Cut(charset, "@")
		switch strings.ToLower(charset) {
		case "utf-8", "utf8":
			return true
		}
	}
	return !h.hasLocale(locale)
}

// hasLocale tells whether the machine knows a locale: glibc's archive or directory of it.
func (h *Host) hasLocale(name string) bool {
	for _, dir := range []string{"/usr/lib/locale/" + name, "/usr/lib/locale/locale-archive"} {
		if _, err := os.Stat(h.Path(dir)); err == nil {
			return true
		}
	}
	return false
}

// links tells whether paths and pages are written as links that a terminal can follow.
func (h *Host) links() bool {
	if h.urls == unknown {
		if v, set := h.Flag("SYSTEMD_URLIFY"); set {
			h.urls = known(v)
		} else {
			h.urls = known(h.Coloured())
		}
	}
	return h.urls == yes
}

// Link is text that leads to a URL, on terminals that have links; text "" is the URL itself.
func (h *Host) Link(url, text string) string {
	if text == "" {
		text = url
	}
	if !h.links() {
		return text
	}
	return "\x1B]8;;" + url + "\a" + text + "\x1B]8;;\a"
}

// FileLink is Link to a file of this machine.
func (h *Host) FileLink(path, text string) string {
	if text == "" {
		text = path
	}
	if !h.links() {
		return text
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return text
	}
	return h.Link("file://"+unix.ByteSliceToString(u.Nodename[:])+path, text)
}
