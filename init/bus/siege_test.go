package bus

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// siegeTurn is how much processor time one turn of the owner may take, whatever clients ask for.
const siegeTurn = 50 * time.Millisecond

// TestSiege has clients of every bad kind at once, for as long as KEELSON_SIEGE says (a duration): noise instead of a handshake, messages with some bytes
// changed, dear calls whose answers nobody reads, descriptors, connections that come and go. A good client is served meanwhile. Afterwards
// nothing is left of them, and no turn of the owner's was long.
func TestSiege(t *testing.T) {
	length := 2 * time.Second
	if text := os.Getenv("KEELSON_SIEGE"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("KEELSON_SIEGE is no duration: %v", err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("KEELSON_SIEGE=%v, seed %d", length, seed)
	units := map[string]string{}
	for i := range 300 {
		units[fmt.Sprintf("u%d.service", i)] = "[Service]\nExecStart=/bin/true\n"
	}
	w := newWorld(t, units)
	good := w.client()
	for name := range units {
		if _, err := good.StartUnitContext(t.Context(), name, "replace", nil); err != nil {
			t.Fatal(err)
		}
	}
	before := resources(w)
	stop := make(chan struct{})
	var besiegers sync.WaitGroup
	for i, attack := range attacks {
		for j := range 2 {
			random := rand.New(rand.NewPCG(seed, uint64(i*2+j)))
			besiegers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						assault(w, random, attack)
					}
				}
			})
		}
	}
	calls := 0
	for end := time.Now().Add(length); time.Now().Before(end); calls++ {
		if _, err := good.ListJobsContext(t.Context()); err != nil {
			t.Fatalf("the good client: %v", err)
		}
	}
	close(stop)
	besiegers.Wait()
	for { // who is let in now has all of them before him
		if last, err := w.tryDial(); err == nil {
			last.Close()
			break
		}
	}
	w.until("all of them to be gone", func() bool { // go-systemd's client has two connections
		return w.server.joined.Load() == 2 && runtime.NumGoroutine() <= before.goroutines
	})
	after := resources(w)
	var longest time.Duration
	w.on(func() { longest = w.longest })
	t.Logf("%d calls of the good client; longest turn %v; before %+v, after %+v", calls, longest, before, after)
	if calls == 0 {
		t.Error("the good client was not served")
	}
	if longest > siegeTurn {
		t.Errorf("a turn took %v", longest)
	}
	if after.fds > before.fds {
		t.Error("descriptors are left")
	}
	if after.heap > before.heap+4<<20 {
		t.Error("memory is left")
	}
}

// attacks write to a connection until it is over. greeted: the handshake went well before.
var attacks = []struct {
	greeted bool
	write   func(r *raw, random *rand.Rand) error
}{
	{false, func(r *raw, random *rand.Rand) error {
		text := []byte("\x00AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\nAUTH\r\nCANCEL\r\nDATA 30\r\n")
		for range random.IntN(8) {
			text[random.IntN(len(text))] = byte(random.Uint32())
		}
		_, err := r.Write(text)
		return err
	}},
	{false, func(r *raw, random *rand.Rand) error {
		b := make([]byte, 1+random.IntN(4096))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		_, err := r.Write(b)
		return err
	}},
	{true, func(r *raw, random *rand.Rand) error {
		b := r.frame(managerPath, managerInterface, "StartTransientUnit", "ssa(sv)a(sa(sv))", fmt.Sprintf("t%d.service", random.IntN(9)), "replace", []struct {
			Name  string
			Value any
		}{}, []struct {
			Name string
			Aux  []struct {
				Name  string
				Value any
			}
		}{})
		for range random.IntN(4) {
			b[random.IntN(len(b))] = byte(random.Uint32())
		}
		_, err := r.Write(b)
		return err
	}},
	{true, func(r *raw, random *rand.Rand) error { // nobody reads
		calls := [][]byte{
			r.frame(managerPath, managerInterface, "ListUnits", ""),
			r.frame(managerPath, propertyInterface, "GetAll", "s", ""),
			r.frame(unitPath(fmt.Sprintf("u%d.service", random.IntN(300))), propertyInterface, "GetAll", "s", ""),
			r.frame(managerPath, managerInterface, "Dump", ""),
			r.frame(managerPath, managerInterface, "ListUnitsByNames", "as", []string{"a.service", "b.service", "nothing.target"}),
			r.frame(unitPath("u1.service"), "org.freedesktop.DBus.Introspectable", "Introspect", ""),
		}
		_, err := r.Write(calls[random.IntN(len(calls))])
		return err
	}},
	{true, func(r *raw, random *rand.Rand) error {
		var fds []int
		for range 1 + random.IntN(20) {
			fds = append(fds, 2)
		}
		_, _, err := r.WriteMsgUnix(r.ping(), unix.UnixRights(fds...), nil)
		return err
	}},
	{true, func(r *raw, random *rand.Rand) error { // it goes in the middle of a message
		b := r.frame(managerPath, managerInterface, "Subscribe", "")
		r.Write(b[:random.IntN(len(b))])
		r.Close()
		return net.ErrClosed
	}},
}

// assault is one connection.
func assault(w *world, random *rand.Rand, attack struct {
	greeted bool
	write   func(r *raw, random *rand.Rand) error
}) {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: w.socket})
	if err != nil {
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(100 * time.Millisecond)) // one that is not read from any more blocks
	r := &raw{UnixConn: c, t: w.t}
	if attack.greeted {
		if _, err := c.Write([]byte("\x00AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")); err != nil {
			return
		}
	}
	for range 200 {
		if attack.write(r, random) != nil {
			return
		}
	}
}

// What a server may leave behind.
type resource struct {
	goroutines, fds int
	heap            uint64
}

func resources(w *world) (r resource) {
	w.on(func() {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		list, _ := os.ReadDir("/proc/self/fd")
		r = resource{runtime.NumGoroutine(), len(list), m.HeapAlloc}
		w.longest = 0 // that was ours
	})
	return r
}
