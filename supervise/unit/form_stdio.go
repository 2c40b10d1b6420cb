package unit

import (
	"encoding/base64"
	"strings"
)

// stdinMax is the most that StandardInputText= and StandardInputData= may add up to (EXEC_STDIN_DATA_MAX).
const stdinMax = 64 << 20

// validFDName: printable ASCII without ":" (fdname_is_valid in src/basic/fd-util.c).
func validFDName(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 127 || s[i] == ':' {
			return false
		}
	}
	return len(s) <= 255
}

// streamTarget reads "fd:NAME" and "KIND:PATH" for the three standard streams.
func (a *assignment) streamTarget(n int, kind string) (known, ok bool) {
	arg, known := strings.CutPrefix(a.value, kind+":")
	if !known {
		return false, false
	}
	if kind == "fd" {
		s, good := a.expand(arg, 255)
		if good && !validFDName(s) {
			a.warn("Invalid file descriptor name, ignoring: %s", s)
			good = false
		}
		if good {
			a.u.Exec.Streams[n].FDName = s
		}
		return true, good
	}
	s, good := a.expand(arg, pathMax)
	if good {
		if s, good = a.checkPath(s, pathAbsolute, true); good {
			a.u.Exec.Streams[n].File = s
		}
	}
	return true, good
}

func standardInput() form {
	return form{"one of " + strings.Join(inputWords, ", ") + ", with :NAME or :PATH", func(a *assignment) {
		for _, in := range []Input{InputFD, InputFile} {
			if known, ok := a.streamTarget(0, in.String()); known {
				if ok {
					a.u.Exec.Input = in
				}
				return
			}
		}
		i, ok := inputWords.find(a.value)
		if !ok {
			a.warn("Failed to parse input specifier, ignoring: %s", a.value)
			return
		}
		a.u.Exec.Input = Input(i)
	}}
}

// standardOutput is StandardOutput= with n 1 and StandardError= with n 2.
func standardOutput(n int, f field[Output]) form {
	return form{"one of " + strings.Join(outputWords, ", ") + ", with :NAME or :PATH", func(a *assignment) {
		for _, out := range []Output{OutputFD, OutputFile, OutputAppend, OutputTruncate} {
			if known, ok := a.streamTarget(n, out.String()); known {
				if ok {
					*f(a.u) = out
				}
				return
			}
		}
		value := a.value
		if rest, ok := strings.CutPrefix(value, "syslog"); ok && (rest == "" || rest == "+console") {
			value = "journal" + rest
			a.remark(Notice, "Standard output type %s is obsolete, automatically updating to %s. Please update your unit file, and consider removing the setting altogether.", a.value, value)
		}
		i, ok := outputWords.find(value)
		if !ok {
			a.warn("Failed to parse output specifier, ignoring: %s", a.value)
			return
		}
		*f(a.u) = Output(i)
	}}
}

// inputData is StandardInputText=, or StandardInputData= in base64.
func inputData(inBase64 bool) form {
	name := "text with C escapes"
	if inBase64 {
		name = "base64"
	}
	return form{name, func(a *assignment) {
		e := a.u.Exec
		if a.value == "" {
			e.InputBytes = nil
			return
		}
		var data []byte
		if inBase64 {
			var ok bool
			if data, ok = decodeBase64(a.value); !ok {
				a.warn("Failed to decode base64 data, ignoring: %s", a.value)
				return
			}
		} else {
			raw, err := unescapeC(a.value, false)
			if err != nil {
				a.warn("Failed to decode C escaped text '%s', ignoring: %v", a.value, err)
				return
			}
			s, ok := a.expand(string(raw), stdinMax)
			if !ok {
				return
			}
			data = append([]byte(s), '\n')
		}
		if len(e.InputBytes)+len(data) > stdinMax {
			a.warn("Standard input data too large (%d), maximum of %d permitted, ignoring.", len(e.InputBytes)+len(data), stdinMax)
			return
		}
		e.InputBytes = append(e.InputBytes, data...)
	}}
}

// decodeBase64 reads base64 with white space in it, padded or not at all (unbase64mem in src/basic/hexdecoct.c wants padding).
func decodeBase64(s string) ([]byte, bool) {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(whitespace, r) {
			return -1
		}
		return r
	}, s)
	b, err := base64.StdEncoding.DecodeString(s)
	return b, err == nil
}
