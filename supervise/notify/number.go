package notify

import (
	"strconv"
	"strings"
)

// parseNumber reads an unsigned number as safe_atou64() of parse-util.c does: white space in front, a sign, and
// the prefixes 0x, 0o, 0b and 0 for other bases than ten. Of the negative numbers only -0 is one, also where
// strtoull(3) would wrap one around because "\v" or "\f" hides its sign from systemd.
func parseNumber(text string) (uint64, bool) {
	text = strings.TrimLeft(text, " \t\n\r")
	base := 0
	if len(text) > 2 && text[0] == '0' {
		switch text[1] | 0x20 {
		case 'b':
			base = 2
		case 'o':
			base = 8
		}
		if base != 0 {
			text = text[2:]
		}
	}
	// From here on it is strtoull(3).
	text = strings.TrimLeft(text, " \t\n\v\f\r")
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	if base == 0 {
		base = 10
		if len(text) > 1 && text[0] == '0' {
			base, text = 8, text[1:]
			if text[0]|0x20 == 'x' {
				base, text = 16, text[1:]
			}
		}
	}
	v, err := strconv.ParseUint(text, base, 64)
	return v, err == nil && (!negative || v == 0)
}

// parseErrno reads an error number, or its name in any case (parse_errno() of parse-util.c).
func parseErrno(text string) (int, bool) {
	// Names are ASCII, and so is what has as many bytes and folds to them.
	for number, name := range errnoNames {
		if name != "" && len(name) == len(text) && strings.EqualFold(name, text) {
			return number, true
		}
	}
	for _, alias := range errnoAliases {
		if len(alias.name) == len(text) && strings.EqualFold(alias.name, text) {
			return alias.number, true
		}
	}
	v, ok := parseNumber(text)
	return int(v), ok && v <= 4095
}

// errnoNames are the names of errno(3), with the numbers that Linux has on most architectures, amd64 and arm64
// among them.
var errnoNames = [...]string{
	1: "EPERM", 2: "ENOENT", 3: "ESRCH", 4: "EINTR", 5: "EIO", 6: "ENXIO",
	7: "E2BIG", 8: "ENOEXEC", 9: "EBADF", 10: "ECHILD", 11: "EAGAIN", 12: "ENOMEM",
	13: "EACCES", 14: "EFAULT", 15: "ENOTBLK", 16: "EBUSY", 17: "EEXIST", 18: "EXDEV",
	19: "ENODEV", 20: "ENOTDIR", 21: "EISDIR", 22: "EINVAL", 23: "ENFILE", 24: "EMFILE",
	25: "ENOTTY", 26: "ETXTBSY", 27: "EFBIG", 28: "ENOSPC", 29: "ESPIPE", 30: "EROFS",
	31: "EMLINK", 32: "EPIPE", 33: "EDOM", 34: "ERANGE", 35: "EDEADLK", 36: "ENAMETOOLONG",
	37: "ENOLCK", 38: "ENOSYS", 39: "ENOTEMPTY", 40: "ELOOP", 42: "ENOMSG", 43: "EIDRM",
	44: "ECHRNG", 45: "EL2NSYNC", 46: "EL3HLT", 47: "EL3RST", 48: "ELNRNG", 49: "EUNATCH",
	50: "ENOCSI", 51: "EL2HLT", 52: "EBADE", 53: "EBADR", 54: "EXFULL", 55: "ENOANO",
	56: "EBADRQC", 57: "EBADSLT", 59: "EBFONT", 60: "ENOSTR", 61: "ENODATA", 62: "ETIME",
	63: "ENOSR", 64: "ENONET", 65: "ENOPKG", 66: "EREMOTE", 67: "ENOLINK", 68: "EADV",
	69: "ESRMNT", 70: "ECOMM", 71: "EPROTO", 72: "EMULTIHOP", 73: "EDOTDOT", 74: "EBADMSG",
	75: "EOVERFLOW", 76: "ENOTUNIQ", 77: "EBADFD", 78: "EREMCHG", 79: "ELIBACC", 80: "ELIBBAD",
	81: "ELIBSCN", 82: "ELIBMAX", 83: "ELIBEXEC", 84: "EILSEQ", 85: "ERESTART", 86: "ESTRPIPE",
	87: "EUSERS", 88: "ENOTSOCK", 89: "EDESTADDRREQ", 90: "EMSGSIZE", 91: "EPROTOTYPE", 92: "ENOPROTOOPT",
	93: "EPROTONOSUPPORT", 94: "ESOCKTNOSUPPORT", 95: "EOPNOTSUPP", 96: "EPFNOSUPPORT", 97: "EAFNOSUPPORT", 98: "EADDRINUSE",
	99: "EADDRNOTAVAIL", 100: "ENETDOWN", 101: "ENETUNREACH", 102: "ENETRESET", 103: "ECONNABORTED", 104: "ECONNRESET",
	105: "ENOBUFS", 106: "EISCONN", 107: "ENOTCONN", 108: "ESHUTDOWN", 109: "ETOOMANYREFS", 110: "ETIMEDOUT",
	111: "ECONNREFUSED", 112: "EHOSTDOWN", 113: "EHOSTUNREACH", 114: "EALREADY", 115: "EINPROGRESS", 116: "ESTALE",
	117: "EUCLEAN", 118: "ENOTNAM", 119: "ENAVAIL", 120: "EISNAM", 121: "EREMOTEIO", 122: "EDQUOT",
	123: "ENOMEDIUM", 124: "EMEDIUMTYPE", 125: "ECANCELED", 126: "ENOKEY", 127: "EKEYEXPIRED", 128: "EKEYREVOKED",
	129: "EKEYREJECTED", 130: "EOWNERDEAD", 131: "ENOTRECOVERABLE", 132: "ERFKILL", 133: "EHWPOISON",
}

var errnoAliases = []struct {
	name   string
	number int
}{
	{"EWOULDBLOCK", 11}, {"EDEADLOCK", 35}, {"ENOTSUP", 95},
}
