package boot

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/journal"
	"keelson/init/loop"
	"keelson/init/sys"
)

// stateVariable names the descriptor of the state that a manager hands to itself.
const stateVariable = "KEELSON_STATE_FD"

// handedOver is the state that this process was executed with; nil if there is none. It is read once.
func handedOver() (*loop.State, error) {
	text, ok := os.LookupEnv(stateVariable)
	if !ok {
		return nil, nil
	}
	os.Unsetenv(stateVariable)
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("%s=%s is no descriptor", stateVariable, text)
	}
	file := os.NewFile(uintptr(fd), "state")
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	defer file.Close()
	s := &loop.State{}
	if err := json.NewDecoder(file).Decode(s); err != nil {
		return nil, fmt.Errorf("cannot read the state that was handed over: %w", err)
	}
	return s, nil
}

// reexecute executes the binary anew: the file that was executed, which may be a newer one by now, or what runs if that is gone. It returns
// only if it failed, with nothing lost but the journal's streams.
func reexecute(l *loop.Loop, c *journal.Collector, o Options) error {
	s, err := l.Save()
	if err != nil {
		return err
	}
	s.Command = o.Inherited
	if s.Journal, err = c.Save(); err != nil {
		return err
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	fd, err := sys.Memfd("keelson-state", data)
	if err != nil {
		return err
	}
	inherited, err := sys.DupInherited(fd, 3)
	if err != nil {
		return err
	}
	program := early.ExecFile()
	if unix.Access(program, unix.X_OK) != nil {
		program = "/proc/self/exe"
	}
	return sys.Exec(program, os.Args, append(os.Environ(), stateVariable+"="+strconv.Itoa(inherited)))
}
