package persona

import (
	"slices"
	"testing"
)

var catatonitInvocations = slices.Concat([]invocation{
	// Version, help and licence.
	{line: "-V"},
	{line: "--version"},
	{line: "-h", compare: firstLine},
	{line: "-L", compare: streams},
	{line: ""},
	{line: "", argv0: "/usr/libexec/podman/catatonit"},
	{line: "--"},
	{line: "-g"},
	{line: "-g --"},
	{line: "-V true"},
	{line: "true -V"},

	// One long option, which may be abbreviated.
	{line: "--ver"},
	{line: "--v"},
	{line: "--version=1"},
	{line: "--v=1"},
	{line: "--version="},
	{line: "--versions"},
	{line: "--help"},
	{line: "--=x"},
	{line: "--yolo=1 true"},
	{line: "---version"},
	{line: "true --version"},
	{line: "true --yolo"},
	{line: "--yolo", argv0: "/usr/libexec/podman/catatonit"},

	// Options and arguments, in any order unless POSIXLY_CORRECT is set.
	{line: "true"},
	{line: "-- true"},
	{line: "-g -- true"},
	{line: "-gg true"},
	{line: "echo a b"},
	{line: "-- echo a b"},
	{line: "echo '' ' ' a"},
	{line: "echo a -g b"},
	{line: "echo -- -g a"},
	{line: "echo a -- -g -- b"},
	{line: "-g echo -- -- a"},
	{line: "echo -n a"},
	{line: "echo -n a", env: "POSIXLY_CORRECT=1"},
	{line: "echo -n a", env: "POSIXLY_CORRECT="},
	{line: "-g echo -g a", env: "POSIXLY_CORRECT=1"},
	{line: "echo --version", env: "POSIXLY_CORRECT=1"},
	{line: "sh -c 'echo a'"},
	{line: "ls -L", compare: streams},
	{line: "ls -h", compare: firstLine},
	{line: "-"},
	{line: "- -g"},
	{line: "-z"},
	{line: "-z true"},
	{line: "-gz true"},
	{line: "-: true"},
	{line: "-+ true"},
	{line: "-W true"},
	{line: "-g- true"},
	{line: "-e 1 true"},
	{line: "-gV"},
	{line: "-Vz"},
	{line: "-zV"},
	{line: "-hV", compare: firstLine},
	{line: "-Vh"},
	{line: "-PV"},
	{line: "-VP"},

	// The environment, and what is said.
	{line: "-V", env: "CATATONIT_DEBUG="},
	{line: "-z", env: "CATATONIT_DEBUG=1"},
	{line: "", env: "CATATONIT_DEBUG=1"},
	{line: "sh -c 'exit 3'", env: "POSIXLY_CORRECT=1 CATATONIT_DEBUG=", compare: events},
	{line: "-- sh -c 'exit 3'", env: "CATATONIT_DEBUG=1", compare: events},
	{line: "-- sh -c 'exit 3'", env: "CATATONIT_DEBUG=0", compare: events},
	{line: "-- sh -c 'kill -9 $$'", env: "CATATONIT_DEBUG=1", compare: events},
	{line: "-g -- ./orphan", env: "CATATONIT_DEBUG=1", compare: events},
	{line: "-- nowhere", env: "CATATONIT_DEBUG=1", compare: events},
	{line: "true", env: "CATATONIT_LOG="},
	{line: "true", env: "CATATONIT_LOG=debug"},
	{line: "-V", env: "CATATONIT_LOG=1"},
	{line: "-z", env: "CATATONIT_LOG=1 CATATONIT_DEBUG=1"},
	{line: "./orphan"},

	// $LISTEN_PID that is not the wrapper's, or no number.
	{line: "-- sh -c 'echo $LISTEN_PID'", env: "LISTEN_PID=99999"},
	{line: "-- sh -c 'echo $LISTEN_PID'", env: "LISTEN_PID="},
	{line: "-- sh -c 'echo $LISTEN_PID'", env: "LISTEN_PID=x"},
	{line: "-- sh -c 'echo $LISTEN_PID'", env: "LISTEN_PID=0"},
	{line: "-- sh -c 'test $LISTEN_PID = $$ && echo mine'", in: setting{ListenPID: true}},
	{line: "-- sh -c 'echo $LISTEN_PID'"},
	{line: "-- sh -c 'echo $LISTEN_PID'", env: "LISTEN_PID=99999999999999999999 CATATONIT_DEBUG=1", compare: events},

	// stdin that is no terminal.
	{line: "true", in: setting{Closed: []int{0}}},
	// Not with CATATONIT_DEBUG: catatonit's own signalfd then is fd 0, and it finds another reason why that is no terminal.
}, executions("-- "), inheritances("-- "), endings("-- "))

func TestSameAsCatatonit(t *testing.T) {
	t.Parallel()
	sameAs(t, "catatonit", catatonitInvocations, func(invocation) string { return "" })
}
