package journal

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

// TestMain lets the test binary play a collector, which lasts until SIGTERM, or services that talk to one:
//
//	KEELSON_PLAY=collector ROOT
//	KEELSON_PLAY=talk SOCKET STREAMS LINES
func TestMain(m *testing.M) {
	switch os.Getenv("KEELSON_PLAY") {
	case "collector":
		playCollector(os.Args[1])
	case "talk":
		playServices(os.Args[1:])
	default:
		os.Exit(m.Run())
	}
}

func playCollector(root string) {
	config, _ := LoadConfig(root)
	id := func(path string) file.ID {
		text, _ := os.ReadFile(path)
		id, _ := file.ParseID(string(text[:max(len(text)-1, 0)]))
		return id
	}
	o := Options{Root: root, Config: config, Console: Console{FD: -1}, Sockets: true, Hostname: "box",
		MachineID: id(root + "/etc/machine-id"), BootID: id("/proc/sys/kernel/random/boot_id")}
	if f, ok := ParseFormat(os.Getenv("KEELSON_LOG")); ok {
		o.Console = Console{FD: 1, Format: f}
	}
	c, err := Start(o)
	if err != nil {
		panic(err)
	}
	if os.Getenv("KEELSON_PLAY_QUIET") == "" {
		fmt.Fprintln(os.Stderr, "ready")
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	c.Close()
}

// playServices writes lines of 100 bytes, each a line by itself, over connections to a stdout socket.
func playServices(args []string) {
	streams, _ := strconv.Atoi(args[1])
	lines, _ := strconv.Atoi(args[2])
	var all sync.WaitGroup
	for i := range streams {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: args[0]})
		}
		if err == nil {
			_, err = unix.Write(fd, fmt.Appendf(nil, "talk%d\n\n30\n0\n0\n0\n0\n", i))
		}
		if err != nil {
			panic(err)
		}
		all.Go(func() {
			for n := i; n < lines; n += streams {
				line := fmt.Appendf(nil, "%08d %-90d\n", n, i)
				for len(line) > 0 {
					k, err := unix.Write(fd, line)
					if err == unix.EINTR {
						continue
					}
					if err != nil {
						panic(err)
					}
					line = line[k:]
				}
			}
			unix.Close(fd)
		})
	}
	all.Wait()
}
