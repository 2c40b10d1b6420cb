package docker

import "testing"

// TestReloadsTakeTurns: reloads that come while generators run have them run once more, one after the other, and each is answered when it is over.
func TestReloadsTakeTurns(t *testing.T) {
	need(t)
	const prepare = `mkdir -p /usr/lib/systemd/system-generators
	printf '#!/bin/sh\nmkdir /lock || echo together >>/runs\necho run >>/runs\nsleep 0.5\nprintf "[Service]\\nExecStart=sleep $(wc -l </runs)\\n" >$1/made.service\nrmdir /lock\n' >/usr/lib/systemd/system-generators/slow
	chmod +x /usr/lib/systemd/system-generators/slow
	exec keelson boot`
	c := start(t, "--entrypoint", "sh", image, "-c", prepare)
	c.Says("Startup finished", 1)
	for _, tt := range []struct{ script, want string }{
		{"cat /runs; systemctl show -P ExecStart made | grep -o 'argv\\[\\]=[^;]*[^; ]'", "run\nargv[]=sleep 1"},
		{"for i in 1 2 3; do systemctl daemon-reload & done; wait; cat /runs; systemctl show -P ExecStart made | grep -o 'argv\\[\\]=[^;]*[^; ]'",
			"run\nrun\nrun\nrun\nargv[]=sleep 4"},
	} {
		if got := in(c, tt.script); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.script, got, tt.want)
		}
	}
}
