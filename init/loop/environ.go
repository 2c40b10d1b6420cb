package loop

import (
	"os"
	"strings"

	"keelson/supervise/unit"
)

// defaultPath is $PATH of services where the container has none (DEFAULT_PATH_NORMAL in src/basic/path-util.h, as Debian builds it).
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// private are variables of the container's environment that are about the container's first process and not about its services.
var private = []string{
	"HOME", "HOSTNAME", "LOGNAME", "OLDPWD", "PWD", "SHELL", "SHLVL", "TERM", "USER", "_",
	"container", "container_uuid", "container_ttys", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY",
	"MAINPID", "MANAGERPID", "WATCHDOG_PID", "WATCHDOG_USEC", "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID",
}

// Environment is the block that services get. clean leaves the container's own out (KEELSON_ENV=clean). files are what there is of
// locale.conf(5) and systemd's own defaults.
func Environment(container []string, clean bool) []string {
	block := []string{"LANG=C.UTF-8", "PATH=" + defaultPath}
	for _, assignment := range localeFile() {
		block = unit.SetVariable(block, assignment)
	}
	if clean {
		return block
	}
	for _, assignment := range container {
		if name, _, _ := strings.Cut(assignment, "="); contains(private, name) || strings.HasPrefix(name, "KEELSON_") || !unit.ValidAssignment(assignment) {
			continue
		}
		block = unit.SetVariable(block, assignment)
	}
	return block
}

// localeFile is /etc/locale.conf, of which LANG, LANGUAGE and LC_* count.
func localeFile() []string {
	text, err := os.ReadFile("/etc/locale.conf")
	if err != nil {
		return nil
	}
	assignments, _ := unit.ParseEnvironmentFile(string(text))
	var list []string
	for _, a := range assignments {
		if strings.HasPrefix(a, "LANG=") || strings.HasPrefix(a, "LANGUAGE=") || strings.HasPrefix(a, "LC_") {
			list = append(list, a)
		}
	}
	return list
}
