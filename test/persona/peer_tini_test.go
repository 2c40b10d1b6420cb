package persona

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var tiniInvocations = append([]invocation{
	// Version, help and licence.
	{line: "--version"},
	{line: "--version x", compare: firstLine},
	{line: "x --version", compare: firstLine},
	{line: "--version --version", compare: firstLine},
	{line: "--vers", compare: firstLine},
	{line: "--help", compare: firstLine},
	{line: "-s --version", compare: firstLine},
	{line: "", compare: firstLine},
	{line: "--", compare: firstLine},
	{line: "-s", compare: firstLine},
	{line: "-h", compare: firstLine},
	{line: "-h", argv0: "/usr/local/bin/tini", compare: firstLine},
	{line: "-l", compare: streams},
	{line: "-z", compare: firstLine},
	{line: "-z", argv0: "/usr/local/bin/tini", compare: firstLine},
	{line: "", argv0: "./tini", compare: firstLine},
	{line: "-:", compare: firstLine},
	{line: "-W foo -- true", compare: firstLine},
	{line: "-;", compare: firstLine},
	{line: "-\xff", compare: firstLine},

	// Options and arguments, in any order unless POSIXLY_CORRECT is set.
	{line: "true"},
	{line: "-- echo a b"},
	{line: "echo a b"},
	{line: "echo '' ' ' a"},
	{line: "echo a -s b"},
	{line: "echo a -gw b -s"},
	{line: "echo a -- -s b"},
	{line: "-s echo -- -- -s"},
	{line: "echo a -e 0 b"},
	{line: "echo a -e0 b -p SIGTERM c"},
	{line: "sh -c 'echo a'", compare: firstLine},
	{line: "ls -l /", compare: streams},
	{line: "echo -n a", compare: firstLine},
	{line: "echo -n a", env: "POSIXLY_CORRECT=1"},
	{line: "echo -n a", env: "POSIXLY_CORRECT="},
	{line: "-s echo -s a", env: "POSIXLY_CORRECT=1"},
	{line: "ls -l -d /", env: "POSIXLY_CORRECT=1", compare: streams},
	{line: "-"},
	{line: "- -s"},
	{line: "-s -"},
	{line: "-gsw -- echo a"},
	{line: "-se 0 -- true"},
	{line: "-s- true", compare: firstLine},
	{line: "-hl", compare: firstLine},
	{line: "-lh", compare: streams},
	{line: "-zh", compare: firstLine},

	// -e
	{line: "-e 3 -- sh -c 'exit 3'"},
	{line: "-e3 -- sh -c 'exit 3'"},
	{line: "-e 3 -e 4 -- sh -c 'exit 4'"},
	{line: "-e 3 -e 4 -- sh -c 'exit 5'"},
	{line: "-e 143 -- sh -c 'kill -15 $$'"},
	{line: "-e 15 -- sh -c 'kill -15 $$'"},
	{line: "-e 127 -- nowhere"},
	{line: "-e 0 -- sh -c 'exit 1'"},
	{line: "-e 256 -- true"},
	{line: "-e -1 -- true"},
	{line: "-e -0 -- true"},
	{line: "-e +3 -- sh -c 'exit 3'"},
	{line: "-e ' 3' -- sh -c 'exit 3'"},
	{line: "-e '3 ' -- true"},
	{line: "-e '' -- true"},
	{line: "-e ' ' -- true"},
	{line: "-e x -- true"},
	{line: "-e 3x -- true"},
	{line: "-e 0x3 -- true"},
	{line: "-e 003 -- sh -c 'exit 3'"},
	{line: "-e 4294967299 -- true"},
	{line: "-e 99999999999999999999 -- true"},
	{line: "-e", compare: firstLine},
	{line: "-e -- true"},
	{line: "-se", compare: firstLine},

	// -p
	{line: "-p SIGKILL -- true"},
	{line: "-pSIGTERM -- true"},
	{line: "-p SIGCHLD -- true"},
	{line: "-p SIGSTOP -- true"},
	{line: "-p KILL -- true"},
	{line: "-p sigkill -- true"},
	{line: "-p 9 -- true"},
	{line: "-p SIGRTMIN -- true"},
	{line: "-p SIGSTKFLT -- true"},
	{line: "-p SIGPWR -- true"},
	{line: "-p SIGIO -- true"},
	{line: "-p SIGPOLL -- true"},
	{line: "-p SIGKILLX -- true"},
	{line: "-p SIG -- true"},
	{line: "-p '' -- true"},
	{line: "-p", compare: firstLine},
	{line: "-p KILL -h"},
	{line: "-h -p KILL", compare: firstLine},
	{line: "-p KILL -e x"},

	// Reaping and its warnings.
	{line: "-s -- sh -c 'exit 3'"},
	{line: "-- sh -c 'exit 3'", env: "TINI_SUBREAPER="},
	{line: "-- sh -c 'exit 3'", env: "TINI_SUBREAPER=0"},
	{line: "-s -w -- ./orphan"},
	{line: "-w -- ./orphan", env: "TINI_SUBREAPER=1"},
	{line: "-s -w -- ./orphan", env: "TINI_VERBOSITY=0"},
	{line: "-g -- true"},
	{line: "-- true", env: "TINI_KILL_PROCESS_GROUP="},

	// Words about what is done.
	{line: "-v -- sh -c 'exit 3'", compare: events},
	{line: "-vv -- sh -c 'exit 3'", compare: events},
	{line: "-vv -s -- sh -c 'exit 3'", compare: events},
	{line: "-vv -s -- sh -c 'kill -9 $$'", compare: events},
	{line: "-vvv -s -- sh -c 'exit 3'", compare: events},
	{line: "-vvv -- sh -c 'exit 3'", compare: events},
	{line: "-vvvv -- sh -c 'exit 3'", compare: events},
	{line: "-vv -s -- nowhere", compare: events},
	{line: "-v -s -- sh -c 'kill -34 $$'", compare: events},
	{line: "-v -s -- sh -c 'kill -64 $$'", compare: events},
	{line: "-v -s -- sh -c 'kill -16 $$'", compare: events},
	{line: "-v -s -- sh -c 'kill -32 $$'", compare: events},
	{line: "-vv -s -w -- ./orphan", compare: events},
	{line: "-- sh -c 'exit 3'", env: "TINI_VERBOSITY=0", compare: events},
	{line: "-- sh -c 'exit 3'", env: "TINI_VERBOSITY=1", compare: events},
	{line: "-- sh -c 'exit 3'", env: "TINI_VERBOSITY=2", compare: events},
	{line: "-- sh -c 'exit 3'", env: "TINI_VERBOSITY=3", compare: events},
	{line: "-- sh -c 'exit 3'", env: "TINI_VERBOSITY=4", compare: events},
	{line: "-- sh -c 'exit 3'", env: "TINI_VERBOSITY=-1", compare: events},
	{line: "-- sh -c 'exit 3'", env: "TINI_VERBOSITY=", compare: events},
	{line: "-- sh -c 'exit 3'", env: "TINI_VERBOSITY=x", compare: events},
	{line: "-- sh -c 'exit 3'", env: "TINI_VERBOSITY=2x", compare: events},
	{line: "-- sh -c 'exit 3'", env: "'TINI_VERBOSITY= +2'", compare: events},
	{line: "-vvv -- sh -c 'exit 3'", env: "TINI_VERBOSITY=0", compare: events},
	{line: "-p x -- true", env: "TINI_VERBOSITY=0"},
	{line: "-- nowhere", env: "TINI_VERBOSITY=0"},

	// stdin that is no terminal.
	{line: "-- true", in: setting{Closed: []int{0}}},
	{line: "-vv -s -- true", in: setting{Closed: []int{0}}, compare: events},
}, slices.Concat(executions("-- "), inheritances("-- "), endings("-- "))...)

func TestSameAsTini(t *testing.T) {
	t.Parallel()
	sameAs(t, "tini", tiniInvocations, func(i invocation) string {
		if subreaping.MatchString(i.line) || strings.Contains(i.env, "TINI_SUBREAPER") {
			return noSubreaper
		}
		return ""
	})
}

// subreaping matches the arguments that ask tini to be a subreaper.
var subreaping = regexp.MustCompile(`(^| )-[vgw]*s`)
