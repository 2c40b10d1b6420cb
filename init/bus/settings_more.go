package bus

import (
	"fmt"
	"strconv"
	"strings"

	"keelson/supervise/unit"
)

// The rest of the table of settings.go: what confines, resources, and what single types have.

// nameSet writes (bas): an allow list, or a deny list with "~".
func nameSet(v []any) (string, bool) {
	allow, ok1 := field[bool](v, 0)
	names, ok2 := field[[]string](v, 1)
	text := strings.Join(names, " ")
	if !allow {
		text = "~" + text
	}
	return percent(text), ok1 && ok2
}

// structure is as for one struct.
func structure(directive string, text func([]any) (string, bool)) settingWriter {
	return as(directive, func(v []any) ([]string, bool) {
		line, ok := text(v)
		return []string{line}, ok
	})
}

var (
	propagationWords = map[uint64]string{0: "", mountShared: "shared", mountSlave: "slave", mountPrivate: "private"}

	// namespaceWords are the names of RestrictNamespaces= by bit of clone(2).
	namespaceWords = func() []string {
		w := make([]string, 32)
		w[25], w[27], w[30], w[17], w[29], w[28], w[26] = "cgroup", "ipc", "net", "mnt", "pid", "user", "uts"
		return w
	}()
)

func sandboxSettings(t map[string]settingWriter) {
	for _, name := range []string{"SystemCallFilter", "SystemCallLog", "RestrictAddressFamilies", "RestrictFileSystems", "RestrictNetworkInterfaces"} {
		t[name] = structure(name, nameSet)
	}
	for _, name := range []string{"AppArmorProfile", "SmackProcessLabel"} {
		t[name] = structure(name, func(v []any) (string, bool) {
			ignore, ok1 := field[bool](v, 0)
			label, ok2 := field[string](v, 1)
			if ignore {
				label = "-" + label
			}
			return percent(label), ok1 && ok2
		})
	}
	t["SystemCallErrorNumber"] = one("SystemCallErrorNumber", func(v int32) string {
		if v == killErrno {
			return "kill"
		}
		return strconv.Itoa(int(v))
	})
	t["RestrictNamespaces"] = one("RestrictNamespaces", func(v uint64) string {
		switch {
		case v&uint64(unit.AllNamespaces) == uint64(unit.AllNamespaces):
			return "no"
		case v&uint64(unit.AllNamespaces) == 0:
			return "yes"
		}
		return mask[uint64](namespaceWords)(v)
	})
	t["MountFlags"] = as("MountFlags", func(v uint64) ([]string, bool) {
		w, ok := propagationWords[v]
		return []string{w}, ok
	})
	t["RootHash"] = one("RootHash", hexText)
	t["RootHashPath"] = one("RootHash", percent)
	t["RootHashSignature"] = one("RootHashSignature", base64Text)
	t["RootHashSignaturePath"] = one("RootHashSignature", percent)
	t["RootImageOptions"] = list("RootImageOptions", joined(":"))
	t["TemporaryFileSystem"] = list("TemporaryFileSystem", func(f []any) (string, bool) {
		path, options, ok := twoTexts(f)
		if options != "" {
			path += ":" + options
		}
		return path, ok
	})
	for _, name := range []string{"BindPaths", "BindReadOnlyPaths"} {
		t[name] = list(name, func(f []any) (string, bool) {
			from, to, ok := twoTexts(f)
			optional, ok2 := field[bool](f, 2)
			flags, ok3 := field[uint64](f, 3)
			if optional {
				from = "-" + from
			}
			how := "norbind"
			if flags&mountRecursive != 0 {
				how = "rbind"
			}
			return from + ":" + to + ":" + how, ok && ok2 && ok3
		})
	}
	t["MountImages"] = list("MountImages", func(f []any) (string, bool) {
		from, to, ok := twoTexts(f)
		optional, ok2 := field[bool](f, 2)
		options, ok3 := imageText(f, 3)
		if optional {
			from = "-" + from
		}
		return from + ":" + to + options, ok && ok2 && ok3
	})
	t["ExtensionImages"] = list("ExtensionImages", func(f []any) (string, bool) {
		from, ok := field[string](f, 0)
		optional, ok2 := field[bool](f, 1)
		options, ok3 := imageText(f, 2)
		if optional {
			from = "-" + from
		}
		return percent(from) + options, ok && ok2 && ok3
	})
}

// imageText writes a(ss) as ":PARTITION:OPTIONS" for each.
func imageText(f []any, i int) (string, bool) {
	options, ok := field[[][]any](f, i)
	text := ""
	for _, o := range options {
		partition, words, fine := twoTexts(o)
		text += ":" + partition + ":" + words
		ok = ok && fine
	}
	return text, ok
}

// share writes a part of all as a percentage; whole is all.
func share(v, whole uint64) string {
	p := (v*10000 + whole/2) / whole
	return fmt.Sprintf("%d.%02d%%", p/100, p%100)
}

func cgroupSettings(t map[string]settingWriter) {
	limits := []string{
		"MemoryMin", "MemoryLow", "MemoryHigh", "MemoryMax", "MemorySwapMax", "MemoryLimit", "DefaultMemoryMin", "DefaultMemoryLow", "TasksMax",
	}
	for _, name := range limits {
		t[name] = one(name, limitText)
		t[name+"Scale"] = one(name, func(v uint32) string { return share(uint64(v), 1<<32-1) })
	}
	t["ManagedOOMMemoryPressureLimit"] = one("ManagedOOMMemoryPressureLimit", func(v uint32) string { return share(uint64(v), 1<<32-1) })
	for _, name := range []string{
		"CPUWeight", "StartupCPUWeight", "IOWeight", "StartupIOWeight", "CPUShares", "StartupCPUShares", "BlockIOWeight", "StartupBlockIOWeight",
	} {
		t[name] = one(name, func(v uint64) string {
			switch {
			case v == Unknown:
				return ""
			case v == 0 && strings.HasSuffix(name, "CPUWeight"):
				return "idle"
			}
			return strconv.FormatUint(v, 10)
		})
	}
	t["CPUQuotaPerSecUSec"] = one("CPUQuota", func(v uint64) string {
		if v == Unknown {
			return ""
		}
		return fmt.Sprintf("%d.%02d%%", v/10000, v%10000/100)
	})
	for _, name := range []string{"AllowedCPUs", "StartupAllowedCPUs", "AllowedMemoryNodes", "StartupAllowedMemoryNodes"} {
		t[name] = one(name, bitList)
	}
	for _, name := range []string{
		"IODeviceWeight", "IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax", "BlockIODeviceWeight",
		"BlockIOReadBandwidth", "BlockIOWriteBandwidth",
	} {
		t[name] = list(name, func(f []any) (string, bool) {
			path, ok1 := field[string](f, 0)
			v, ok2 := field[uint64](f, 1)
			return percent(path) + " " + limitText(v), ok1 && ok2
		})
	}
	t["IODeviceLatencyTargetUSec"] = list("IODeviceLatencyTargetSec", func(f []any) (string, bool) {
		path, ok1 := field[string](f, 0)
		v, ok2 := field[uint64](f, 1)
		return percent(path) + " " + spanText(v), ok1 && ok2
	})
	t["DeviceAllow"] = list("DeviceAllow", joined(" "))
	t["BPFProgram"] = list("BPFProgram", joined(":"))
	for _, name := range []string{"IPAddressAllow", "IPAddressDeny"} {
		t[name] = list(name, prefixText)
	}
	for _, name := range []string{"SocketBindAllow", "SocketBindDeny"} {
		t[name] = list(name, socketBindText)
	}
	t["DelegateControllers"] = one("Delegate", func(v []string) string { return percent(strings.Join(v, " ")) })
}

// socketBindText writes (iiqq): family, protocol, number of ports, first port.
func socketBindText(f []any) (string, bool) {
	family, ok1 := field[int32](f, 0)
	protocol, ok2 := field[int32](f, 1)
	count, ok3 := field[uint16](f, 2)
	first, ok4 := field[uint16](f, 3)
	var parts []string
	switch family {
	case familyInet:
		parts = append(parts, "ipv4")
	case familyInet6:
		parts = append(parts, "ipv6")
	}
	switch protocol {
	case protocolTCP:
		parts = append(parts, "tcp")
	case protocolUDP:
		parts = append(parts, "udp")
	}
	switch {
	case count == 0:
		if len(parts) == 0 {
			parts = append(parts, "any")
		}
	case count == 1:
		parts = append(parts, strconv.Itoa(int(first)))
	default:
		parts = append(parts, fmt.Sprintf("%d-%d", first, int(first)+int(count)-1))
	}
	return strings.Join(parts, ":"), ok1 && ok2 && ok3 && ok4
}

func typeSettings(t map[string]settingWriter) {
	for _, name := range []string{"KillSignal", "RestartKillSignal", "FinalKillSignal", "WatchdogSignal", "ReloadSignal"} {
		t[name] = as(name, func(v int32) ([]string, bool) {
			return []string{unit.Signal(v).String()}, v > 0 && v <= int32(unit.SIGRTMAX)
		})
	}
	for _, name := range []string{"RestartPreventExitStatus", "RestartForceExitStatus", "SuccessExitStatus"} {
		t[name] = structure(name, func(v []any) (string, bool) {
			codes, ok1 := field[[]int32](v, 0)
			signals, ok2 := field[[]int32](v, 1)
			var words []string
			for _, n := range codes {
				ok1 = ok1 && n >= 0 && n <= 255
				words = append(words, strconv.Itoa(int(n)))
			}
			for _, n := range signals {
				ok2 = ok2 && n > 0 && n <= int32(unit.SIGRTMAX)
				words = append(words, unit.Signal(n).String())
			}
			return strings.Join(words, " "), ok1 && ok2
		})
	}
	// Each entry names its own directive.
	named := func(directive func(kind string) string, text func(f []any) (string, bool)) settingWriter {
		return func(d *draft, s setting) *fault {
			v, ok := s.value.([][]any)
			if !ok {
				return badType(s.name)
			}
			for _, f := range v {
				kind, ok := field[string](f, 0)
				line, ok2 := text(f)
				if !ok || !ok2 {
					return badType(s.name)
				}
				if err := d.add(directive(kind), line); err != nil {
					return err
				}
			}
			return nil
		}
	}
	second := func(f []any) (string, bool) {
		v, ok := field[string](f, 1)
		return percent(v), ok
	}
	asIs := func(kind string) string { return kind }
	t["Paths"] = named(asIs, second)
	t["Listen"] = named(func(kind string) string { return "Listen" + kind }, second)
	t["TimersCalendar"] = named(asIs, second)
	t["TimersMonotonic"] = named(func(kind string) string { return strings.TrimSuffix(kind, "USec") + "Sec" }, func(f []any) (string, bool) {
		v, ok := field[uint64](f, 1)
		return spanText(v), ok
	})
	t["SocketProtocol"] = one("SocketProtocol", func(v int32) string {
		return map[int32]string{136: "udplite", 132: "sctp"}[v]
	})
}
