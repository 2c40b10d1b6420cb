package loop

import (
	"encoding/binary"
	"os"
	"os/signal"
	"unsafe"

	"golang.org/x/sys/unix"

	"keelson/init/bus"
	"keelson/init/sys"
	"keelson/supervise"
	"keelson/supervise/graph"
)

// rtmin is the C library's SIGRTMIN: the kernel's, less the two that threads use (signal(7)).
const rtmin = 34

// A response is what a signal to the manager means (systemd(1), "Signals"). In a container TERM and INT come from docker stop, kill and Ctrl-C, and mean
// that the container is to end.
type response struct {
	verb   supervise.Verb
	unit   string // to start
	mode   graph.JobMode
	levels int  // SIGRTMIN+22 and +23: the log level
	debug  bool // that of SIGRTMIN+22
}

var responses = map[uint32]response{
	uint32(unix.SIGTERM): {verb: supervise.VerbExit},
	uint32(unix.SIGINT):  {verb: supervise.VerbExit},
	uint32(unix.SIGPWR):  {verb: supervise.VerbPoweroff},
	uint32(unix.SIGHUP):  {verb: supervise.VerbDaemonReload},
	rtmin + 0:            {verb: supervise.VerbStart, unit: "default.target", mode: graph.ModeIsolate},
	rtmin + 1:            {verb: supervise.VerbStart, unit: "rescue.target", mode: graph.ModeIsolate},
	rtmin + 2:            {verb: supervise.VerbStart, unit: "emergency.target", mode: graph.ModeIsolate},
	rtmin + 3:            {verb: supervise.VerbHalt},
	rtmin + 4:            {verb: supervise.VerbPoweroff},
	rtmin + 5:            {verb: supervise.VerbReboot},
	rtmin + 13:           {verb: supervise.VerbHalt},
	rtmin + 14:           {verb: supervise.VerbPoweroff},
	rtmin + 15:           {verb: supervise.VerbReboot},
}

// forced are the signals after which nothing is stopped in order (SIGRTMIN+13 and the two after it).
func forced(sig uint32) bool { return sig >= rtmin+13 && sig <= rtmin+16 }

// unblocked are the signals that the Go runtime does not leave blocked, and whose default it would act on.
var unblocked = []os.Signal{unix.SIGCHLD, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGABRT, unix.SIGTERM}

// watchSignals takes them from the runtime. SIGCHLD rings childhood, the others come to the owner like what D-Bus clients ask.
func (l *Loop) watchSignals() {
	got := make(chan os.Signal, 64)
	signal.Notify(got, unblocked...)
	go func() {
		for s := range got {
			sig := s.(unix.Signal)
			if sig == unix.SIGCHLD {
				ring(l.childhood)
			} else if !l.Do(func(bus.Manager) { l.signal(uint32(sig), 0) }) && (sig == unix.SIGTERM || sig == unix.SIGINT) {
				ring(l.thaw)
			}
		}
	}()
	ring(l.childhood) // children may have ended before
}

func (l *Loop) childEnded(uint32) {
	silence(l.childhood)
	l.ended = true
}

// ring makes an eventfd readable, silence takes that back.
func ring(fd int) {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	unix.Write(fd, one[:])
}

func silence(fd int) {
	var count [8]byte
	unix.Read(fd, count[:])
}

// signalled reads all signals that have come.
func (l *Loop) signalled(uint32) {
	var info [16]unix.SignalfdSiginfo
	size := int(unsafe.Sizeof(info[0]))
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&info[0])), len(info)*size)
	for {
		var n int
		err := sys.Retry(func() (err error) { n, err = unix.Read(l.signals, raw); return err })
		if err != nil || n < size {
			return
		}
		for i := range n / size {
			l.signal(info[i].Signo, int(info[i].Pid))
		}
	}
}

func (l *Loop) signal(sig uint32, from int) {
	switch unix.Signal(sig) {
	case unix.SIGUSR1: // connect to D-Bus anew
		l.connectBus()
		return
	case unix.SIGUSR2: // what the manager knows goes to the log
		l.dump()
		return
	case unix.SIGWINCH:
		l.resized()
		return
	}
	switch sig {
	case rtmin + 22:
		l.SetLogLevel(7)
	case rtmin + 23:
		l.SetLogLevel(-1)
	case rtmin + 25:
		l.Reexecute()
	}
	r, ok := responses[sig]
	if !ok {
		return
	}
	if r.unit != "" {
		l.Request(supervise.Request{Verb: r.verb, Unit: r.unit, Mode: r.mode}, nil)
		return
	}
	if r.verb == supervise.VerbDaemonReload {
		l.reloadBySignal()
		return
	}
	l.stop(r.verb, forced(sig), sig, from)
}

// connectBus: there is no bus daemon to connect to anew; the private socket is made again if it is gone (systemd(1), SIGUSR1).
func (l *Loop) connectBus() {
	if l.Listen == nil {
		return
	}
	if err := l.Listen(); err != nil {
		l.say(4, "%v", err)
	}
}

// resized passes a change of the terminal's size on to the command in the foreground.
func (l *Loop) resized() {
	if l.config.Command == nil {
		return
	}
	if u, ok := l.machine.Unit(l.config.Command.Unit); ok && u.Service != nil && u.Service.Main.PID > 0 {
		unix.Kill(u.Service.Main.PID, unix.SIGWINCH)
	}
}
