package bus

import (
	"slices"
	"sync"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// Emits says what PropertiesChanged tells of a property (sd_bus_vtable(3)).
type emits uint8

const (
	silent      emits = iota // nothing
	constant                 // it never changes
	changes                  // its new value
	invalidates              // that it has changed
)

var emitsWords = [...]string{"false", "const", "true", "invalidates"}

// A subject is what a property is a property of, on the owner's goroutine.
type subject struct {
	Manager
	server  *Server
	machine *supervise.Machine

	u   *supervise.Unit // of a unit's properties
	job graph.Job       // of a job's

	usage *Usage
}

// config is what the unit's files say.
func (s *subject) config() *unit.Unit { return s.u.Config }

// used asks for the unit's usage once for all of its properties.
func (s *subject) used() *Usage {
	if s.usage == nil {
		v := s.Usage(s.u.Name)
		s.usage = &v
	}
	return s.usage
}

// later is a value that is gathered by the writer, not by the owner: from files.
type later func() any

// property is one row: what it is called, its D-Bus type, and where it comes from.
type property struct {
	name  string
	sig   string
	emits emits
	get   func(*subject) any
	set   func(*subject, any) error // nil: it is read-only

	signature dbus.Signature
}

// method is one method of an interface. What it does is on the owner's goroutine, or with files on the connection's.
type method struct {
	name    string
	in, out string // types of arguments and results
	names   string // of both, separated by spaces
	flag    string // an annotation: "NoReply", "Privileged"
	call    func(*call)
	files   func(*call)
}

// signal is one signal of an interface.
type signal struct{ name, sig, names string }

// iface is an interface.
type iface struct {
	name       string
	properties []property
	methods    []method
	signals    []signal

	byProperty map[string]*property
	byMethod   map[string]*method
}

// index makes an interface ready to be looked up.
func (i iface) index() *iface {
	i.byProperty, i.byMethod = map[string]*property{}, map[string]*method{}
	for k := range i.properties {
		p := &i.properties[k]
		p.signature = dbus.ParseSignatureMust(p.sig)
		i.byProperty[p.name] = p
	}
	for k := range i.methods {
		i.byMethod[i.methods[k].name] = &i.methods[k]
	}
	return &i
}

// kind is a sort of object: the interfaces beside the standard ones, in systemd's order.
type kind []*iface

func (k kind) find(name string) *iface {
	for _, i := range k {
		if i.name == name {
			return i
		}
	}
	return nil
}

// tables are the kinds of objects, each made when it is first asked for.
type tables struct {
	standard, manager, job, log func() kind
	units                       [unit.TypeScope + 1]func() kind
	anyUnit                     func() kind // of any type
}

func newTables() *tables {
	once := func(list ...func() iface) func() kind {
		return sync.OnceValue(func() (k kind) {
			for _, f := range list {
				k = append(k, f().index())
			}
			return k
		})
	}
	t := &tables{
		standard: once(peerInterface, introspectInterface, propertiesInterface),
		manager:  once(managerTable), job: once(jobTable), log: once(logTable), anyUnit: once(unitTable),
	}
	for u := range t.units {
		t.units[u] = sync.OnceValue(func() kind { return append(kind{typeTable(unit.Type(u)).index()}, t.anyUnit()...) })
	}
	return t
}

// typeInterface is the name of the interface of one type of units.
func typeInterface(t unit.Type) string { return systemd1 + "." + typeTitles[t] }

var typeTitles = [...]string{
	unit.TypeService: "Service", unit.TypeSocket: "Socket", unit.TypeTarget: "Target", unit.TypeTimer: "Timer", unit.TypePath: "Path",
	unit.TypeMount: "Mount", unit.TypeAutomount: "Automount", unit.TypeSwap: "Swap", unit.TypeDevice: "Device",
	unit.TypeSlice: "Slice", unit.TypeScope: "Scope",
}

// typeTable is the interface of one type of units. The parts that types share come after their own, as systemd shows them.
func typeTable(t unit.Type) iface {
	i := iface{name: typeInterface(t)}
	switch t {
	case unit.TypeService:
		i.properties = serviceProperties()
		i.methods = serviceMethods()
	case unit.TypeSocket:
		i.properties = socketProperties()
	case unit.TypeTimer:
		i.properties = timerProperties()
	case unit.TypePath:
		i.properties = pathProperties()
	case unit.TypeMount:
		i.properties = mountProperties()
	case unit.TypeAutomount:
		i.properties = automountProperties()
	case unit.TypeSwap:
		i.properties = swapProperties()
	case unit.TypeDevice:
		i.properties = deviceProperties()
	case unit.TypeScope:
		i.properties = scopeProperties()
		i.methods = scopeMethods()
		i.signals = []signal{{"RequestStop", "", ""}}
	}
	if t.HasCgroup() {
		i.properties = slices.Concat(i.properties, usageProperties(), cgroupProperties())
		i.methods = append(i.methods, cgroupMethods()...)
	}
	if t.HasExec() {
		i.properties = slices.Concat(i.properties, execProperties(), execSandboxProperties(), execDirectoryProperties())
	}
	if t.HasKill() {
		i.properties = append(i.properties, killProperties()...)
	}
	return i
}
