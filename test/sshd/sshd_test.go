package sshd

import (
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keelson/test/container"
)

// TestNoWayIn: nothing is started that would let nobody in, and nothing that was said wrongly.
func TestNoWayIn(t *testing.T) {
	need(t)
	for _, tt := range []struct {
		args []string
		text []string
	}{
		{nil, []string{"nobody could log in", "three ways", "SSH_AUTHORIZED_KEYS", "/etc/authorized_keys", "ssh_passwords"}},
		{[]string{"-e", "SSH_USERS=ann:1500:1500"}, []string{"nobody could log in"}},
		{[]string{"-e", "SSH_AUTHORIZED_KEYS=ssh-ed25519 AAAA"}, []string{"SSH_AUTHORIZED_KEYS: key 1 is no public key"}},
		{[]string{"-e", "SSH_PASSWORDS=root:hush-hush"}, []string{"SSH_PASSWORDS: the password of root is in clear"}},
		{[]string{"-e", "SSH_PASSWORDS=ann:$6$x$y"}, []string{"no such user"}},
		{[]string{"-e", "SSH_USERS=ann:0:0"}, []string{"the uid 0 of ann is root's already"}},
	} {
		r := container.Run(t, append(tt.args, image)...)
		if r.Status != 125 {
			t.Errorf("%v: status %d", tt.args, r.Status)
		}
		for _, want := range tt.text {
			if !strings.Contains(r.Err, want) {
				t.Errorf("%v: no %q in\n%s", tt.args, want, r.Err)
			}
		}
		if strings.Contains(r.Err, "hush-hush") {
			t.Errorf("%v: the password is told:\n%s", tt.args, r.Err)
		}
	}
}

// TestClients: the real clients get in where they should, and where they should not they are refused and it is logged.
func TestClients(t *testing.T) {
	need(t)
	k := newClients(t)
	keys, secrets := t.TempDir(), t.TempDir()
	write(t, filepath.Join(keys, "ann"), k.public(t, "good")+"\n")
	hash, err := exec.Command("openssl", "passwd", "-6", "-salt", "grain", "correct horse").Output()
	if err != nil {
		t.Fatalf("openssl passwd: %v", err)
	}
	write(t, filepath.Join(secrets, "ssh_passwords"), "bob:"+string(hash)+"locked:battery staple\n")
	c := serve(t, image, "-v", k.mount(), "-v", keys+":/etc/authorized_keys:ro", "-v", secrets+":/run/secrets:ro", "-e", "SSH_USERS=ann:1500:1500,bob:1600:1600:/bin/sh",
		"-e", "SSH_SESSION_ENV=yes", "-e", `COLOUR=light "blue" \o`, "-e", "SSH_OPTIONS=MaxStartups 100:30:200")
	c.Sh("mkdir /c && cp /client/good /client/other /c && chmod 600 /c/*")
	ann := "-i /c/good " + options
	t.Run("ssh", func(t *testing.T) {
		c := c.in(t)
		if out := c.Sh("ssh " + ann + ` ann@127.0.0.1 'id -un; id -u; pwd; echo $SHELL; echo "$COLOUR"'`); out != "ann\n1500\n/home/ann\n/bin/bash\nlight \"blue\" \\o" {
			t.Errorf("%q", out)
		}
	})
	t.Run("scp, sftp, rsync", func(t *testing.T) {
		c := c.in(t)
		c.Sh("seq 10000 >/c/data; scp -q " + ann + " /c/data ann@127.0.0.1:by-scp && cmp /c/data /home/ann/by-scp")
		c.Sh("scp -O -q " + ann + " /c/data ann@127.0.0.1:by-rcp && cmp /c/data /home/ann/by-rcp")
		c.Sh("echo 'put /c/data by-sftp' | sftp -q -b - " + ann + " ann@127.0.0.1 && cmp /c/data /home/ann/by-sftp")
		c.Sh("rsync -e 'ssh " + ann + "' /c/data ann@127.0.0.1:by-rsync && cmp /c/data /home/ann/by-rsync")
	})
	t.Run("password", func(t *testing.T) {
		c := c.in(t)
		for user, password := range map[string]string{"bob": "correct horse", "locked": "battery staple"} {
			if out := c.Sh("sshpass -p '" + password + "' ssh " + options + " " + user + "@127.0.0.1 id -un"); out != user {
				t.Errorf("%q", out)
			}
		}
	})
	t.Run("ssh-copy-id", func(t *testing.T) {
		c := c.in(t)
		c.Sh("mkdir -p -m 700 ~/.ssh && ssh-keygen -q -t ed25519 -N '' -f /c/mine && sshpass -p 'correct horse' ssh-copy-id -i /c/mine.pub " + options + " bob@127.0.0.1")
		if out := c.Sh("ssh -i /c/mine -o BatchMode=yes " + options + " bob@127.0.0.1 id -un"); out != "bob" {
			t.Errorf("%q", out)
		}
	})
	t.Run("refused", func(t *testing.T) {
		c := c.in(t)
		for _, tt := range []struct{ command, log string }{
			{"ssh -i /c/other -o IdentitiesOnly=yes -o BatchMode=yes " + options + " ann@127.0.0.1 true", "authenticating user ann"},
			{"ssh -o BatchMode=yes " + options + " bob@127.0.0.1 true", "authenticating user bob"},
			{"sshpass -p wrong ssh -o NumberOfPasswordPrompts=1 " + options + " bob@127.0.0.1 true", "Failed password for bob"},
			{"sshpass -p wrong ssh -o NumberOfPasswordPrompts=1 " + options + " root@127.0.0.1 true", "Failed password for root"},
			{"sshpass -p x ssh -o NumberOfPasswordPrompts=1 " + options + " mallory@127.0.0.1 true", "Invalid user mallory"},
		} {
			if out := c.fails(tt.command); !strings.Contains(out, "denied") {
				t.Errorf("%s: %s", tt.command, out)
			}
			c.Says(tt.log, 1)
		}
	})
	t.Run("leftovers", func(t *testing.T) {
		c := c.in(t)
		c.Sh("ssh " + ann + " ann@127.0.0.1 'for i in 1 2 3 4 5 6 7 8 9; do (setsid sleep 0.$i >/dev/null 2>&1 </dev/null &); done'")
		for end := time.Now().Add(container.WaitMax); ; time.Sleep(100 * time.Millisecond) { // nobody but their parent is told when they end
			out := c.Sh("ps -u ann -o stat=,args= || :")
			if out == "" {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("these are left:\n%s", out)
			}
		}
	})
	t.Run("fifty at once", func(t *testing.T) {
		c := c.in(t)
		// Each waits until all are there.
		c.Sh("rm -rf /tmp/all && mkdir -m 777 /tmp/all")
		out := c.Sh("for i in $(seq 50); do ssh " + ann + " ann@127.0.0.1 'touch /tmp/all/'$i'; while [ $(ls /tmp/all | wc -l) -lt 50 ]; do sleep 0.2; done; echo met' & done; wait")
		if n := strings.Count(out, "met"); n != 50 {
			t.Errorf("%d of 50 sessions were there at once:\n%s", n, out)
		}
	})
	c.stopsWell()
}

// TestStop: docker stop tells the sessions, and the clients see an end and not a cut.
func TestStop(t *testing.T) {
	need(t)
	k := newClients(t)
	c := serve(t, image, "-e", "SSH_AUTHORIZED_KEYS="+k.public(t, "good"))
	client := "cp /client/good /tmp/k; chmod 600 /tmp/k; exec "
	from := []string{"run", "--rm", "--network", "container:" + c.ID, "-v", k.mount(), "--entrypoint", "/bin/sh"}
	type seen struct {
		out    string
		status int
	}
	var inputs []io.Closer
	open := func(ssh string) chan seen {
		cmd := exec.Command("docker", append(slices.Clone(from), "-i", image, "-c", client+ssh)...)
		in, err := cmd.StdinPipe() // open until the stop, so that no session ends by itself
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, in)
		ch := make(chan seen, 1)
		go func() {
			out, _ := cmd.CombinedOutput()
			ch <- seen{string(out), cmd.ProcessState.ExitCode()}
		}()
		return ch
	}
	terminal := open("ssh -tt -i /tmp/k " + options + " root@127.0.0.1")
	command := open("ssh -i /tmp/k " + options + ` root@127.0.0.1 'trap "echo asked to end; exit 7" TERM; touch /tmp/ready; while :; do sleep 0.1; done'`)
	transfer := open("sftp -i /tmp/k " + options + " root@127.0.0.1")
	c.Says("Accepted publickey", 3)
	for end := time.Now().Add(container.WaitMax); time.Now().Before(end); time.Sleep(100 * time.Millisecond) { // a shell tells nobody that it has come up
		if _, err := c.Try("test -e /tmp/ready && pgrep -t pts/0 bash && pgrep sftp-server"); err == nil {
			break
		}
	}
	c.stopsWell()
	c.Says("connections told and closed: 3", 1)
	for _, in := range inputs { // sftp looks at its connection only when it has a command to send
		in.Close()
	}
	for name, tt := range map[string]struct {
		ch     chan seen
		text   string
		status int // -1 for any
	}{
		"terminal": {terminal, "The container is being stopped.", -1},
		"command":  {command, "asked to end", 7},
		"transfer": {transfer, "", -1},
	} {
		select {
		case s := <-tt.ch:
			if !strings.Contains(s.out, tt.text) || tt.status >= 0 && s.status != tt.status || strings.Contains(s.out, "reset by peer") || strings.Contains(s.out, "Broken pipe") {
				t.Errorf("%s: status %d, %q", name, s.status, s.out)
			}
		case <-time.After(container.WaitMax):
			t.Errorf("%s: the client is not told that it is over", name)
		}
	}
}

var fingerprint = regexp.MustCompile(`host key \S+ ssh-ed25519 (SHA256:\S+)`)

// printed is the last Ed25519 fingerprint in a container's output.
func printed(t *testing.T, logs string) string {
	t.Helper()
	all := fingerprint.FindAllStringSubmatch(logs, -1)
	if all == nil {
		t.Fatalf("no fingerprint in\n%s", logs)
	}
	return all[len(all)-1][1]
}

// TestHostKeys: no two containers have the same, but where a volume says so.
func TestHostKeys(t *testing.T) {
	need(t)
	k := newClients(t)
	key := "SSH_AUTHORIZED_KEYS=" + k.public(t, "good")
	logs := func(c machine) string { return c.Says("Server listening on", 1) }
	t.Run("each its own", func(t *testing.T) {
		one, other := serve(t, image, "-e", key), serve(t, image, "-e", key)
		first := printed(t, logs(one))
		if first == printed(t, logs(other)) {
			t.Error("two containers have the same host key")
		}
		if modes := one.Sh("stat -c '%a %U %n' /etc/ssh/ssh_host_*"); !regexp.MustCompile(`^(600 root \S+_key\n644 root \S+_key.pub\n?){3}$`).MatchString(modes) {
			t.Errorf("%s", modes)
		}
		if out := one.Sh("ssh-keyscan -t ed25519 127.0.0.1 2>/dev/null | ssh-keygen -lf -"); !strings.Contains(out, first) {
			t.Errorf("the key is %s, and %s was printed", out, first)
		}
		one.stopsWell()
		container.Docker(t, "start", one.ID)
		if again := printed(t, one.Says("Server listening on 0.0.0.0", 2)); again != first {
			t.Errorf("%s before the restart, %s after it", first, again)
		}
	})
	t.Run("volume", func(t *testing.T) {
		volume := t.TempDir()
		args := []string{"-e", key, "-v", volume + ":/keys", "-e", "SSH_HOST_KEYS=/keys", "--read-only", "--tmpfs", "/run"}
		one := serve(t, image, args...)
		first := printed(t, logs(one))
		one.stopsWell()
		other := serve(t, image, args...)
		if second := printed(t, logs(other)); first != second {
			t.Errorf("%s, then with the same volume %s", first, second)
		}
		if out := other.Sh("ssh-keyscan 127.0.0.1 2>/dev/null | ssh-keygen -lf - | wc -l"); out != "3" {
			t.Errorf("%s host keys are offered, not 3", out)
		}
	})
	t.Run("baked", func(t *testing.T) {
		c := serve(t, imageBaked, "-e", key)
		if n := strings.Count(logs(c), "came with the image"); n != 3 {
			t.Errorf("%d of 3 host keys are called out", n)
		}
		fresh := serve(t, imageBaked, "-e", key, "--", "--fresh-keys", "--sshfp")
		text := logs(fresh)
		if strings.Contains(text, "came with the image") || printed(t, text) == printed(t, logs(c)) || !regexp.MustCompile(`IN SSHFP 4 2 [0-9a-f]{64}`).MatchString(text) {
			t.Errorf("%s", text)
		}
		fresh.stopsWell()
		container.Docker(t, "start", fresh.ID)
		again := fresh.Says("Server listening on 0.0.0.0", 2)
		if printed(t, again) != printed(t, text) || strings.Contains(again, "came with the image") {
			t.Errorf("a key that was made in the container was replaced on a restart:\n%s", again)
		}
	})
}

// TestUnit: the image's own unit, by systemctl, in a container whose image has no host keys.
func TestUnit(t *testing.T) {
	need(t)
	k := newClients(t)
	c := start(t, imageUnit, "--network", "none", "-v", k.mount(), "-e", "SSH_AUTHORIZED_KEYS="+k.public(t, "good"))
	c.Says("Startup finished", 1)
	c.Sh("systemctl start ssh && systemctl is-active ssh")
	c.Sh("cp /client/good /tmp/k; chmod 600 /tmp/k; ssh -i /tmp/k " + options + " root@127.0.0.1 true")
	c.Sh("systemctl restart ssh && ssh -i /tmp/k " + options + " root@127.0.0.1 true")
	c.stopsWell()
	c.Says("keelson-sshd-sessions.service", 1)
}

// TestRootless: a user's own sshd, on a read-only root.
func TestRootless(t *testing.T) {
	need(t)
	k := newClients(t)
	c := serve(t, image, "--user", "1000:1000", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "-v", k.mount(),
		"-e", "SSH_AUTHORIZED_KEYS="+k.public(t, "good"))
	c.Sh("cat /client/good >/dev/shm/k; chmod 600 /dev/shm/k")
	if out := c.Sh("ssh -p 2222 -i /dev/shm/k " + options + " app@127.0.0.1 id -u"); out != "1000" {
		t.Errorf("%q", out)
	}
	c.fails("ssh -p 2222 -o BatchMode=yes " + options + " app@127.0.0.1 id -u")
	c.stopsWell()
	if r := container.Run(t, "--user", "1000", "-e", "SSH_USERS=ann:1:1", image); r.Status != 125 || !strings.Contains(r.Err, "takes root") {
		t.Errorf("status %d: %s", r.Status, r.Err)
	}
}

// TestSFTPOnly: files and nothing else, in a folder that is all there is.
func TestSFTPOnly(t *testing.T) {
	need(t)
	k := newClients(t)
	c := serve(t, image, "-v", k.mount(), "-e", "SSH_USERS=ann:1500:1500", "-e", "SSH_AUTHORIZED_KEYS="+k.public(t, "good"), "--", "--sftp-only=ann", "--chroot=/srv/%u")
	c.Sh("cp /client/good /tmp/k; chmod 600 /tmp/k")
	ann := "-i /tmp/k " + options
	c.Sh("echo here >/tmp/data; printf 'put /tmp/data\\nls -l /\\n' | sftp -q -b - " + ann + " ann@127.0.0.1 && cmp /tmp/data /srv/ann/files/data")
	if out := c.fails("ssh " + ann + " ann@127.0.0.1 id"); strings.Contains(out, "uid=") {
		t.Errorf("%s", out)
	}
	if out := c.Sh("echo 'ls /etc' | sftp -q -b - " + ann + " ann@127.0.0.1 2>&1 || :"); !strings.Contains(out, "not found") {
		t.Errorf("the chroot shows %s", out)
	}
	c.stopsWell()
}

// TestBeside: where another is the first process, keelson sshd runs sshd as a child, and ends as well.
func TestBeside(t *testing.T) {
	need(t)
	k := newClients(t)
	c := serve(t, image, "--entrypoint", "/sbin/keelson", "-v", k.mount(), "-e", "SSH_AUTHORIZED_KEYS="+k.public(t, "good"), "--", "--", "/sbin/keelson", "sshd")
	c.Sh("cp /client/good /tmp/k; chmod 600 /tmp/k; ssh -i /tmp/k " + options + " root@127.0.0.1 true")
	c.Says("Accepted publickey for root", 1)
	if _, err := c.Try("ssh -f -i /tmp/k " + options + " root@127.0.0.1 'touch /tmp/ready; exec sleep 1000'"); err != nil {
		t.Fatal(err)
	}
	c.Sh("until test -e /tmp/ready; do sleep 0.1; done")
	c.stopsWell()
	c.Says("connections told and closed: 1", 1)
}
