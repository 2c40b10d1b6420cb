package imagetest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keelson/test/binary"
)

// A Client of ssh has a key pair, and knows a server by the host key that it showed first.
type Client struct{ dir, Public string }

// NewClient makes one.
func NewClient(t testing.TB) Client {
	t.Helper()
	binary.Need(t, "ssh")
	dir := t.TempDir()
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "key")).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %s", out)
	}
	public, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	return Client{dir, strings.TrimSpace(string(public))}
}

// LogsIn asks the server at an address who it takes the client for.
func (k Client) LogsIn(user, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	// Published ports change with a restart, the name that the key is known by does not.
	out, err := exec.Command("ssh", "-F", "none", "-i", filepath.Join(k.dir, "key"), "-p", port, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=5",
		"-o", "UserKnownHostsFile="+filepath.Join(k.dir, "known_hosts"), "-o", "StrictHostKeyChecking=accept-new", "-o", "HostKeyAlias=server",
		user+"@"+host, "id -un").CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || !strings.HasSuffix(got, user) {
		return fmt.Errorf("ssh %s@%s: %v: %s", user, address, err, got)
	}
	return nil
}
