package bus

import (
	"slices"

	"keelson/supervise/unit"
)

// What a unit's processes are run as (bus_exec_vtable in src/core/dbus-execute.c), in its order. Where a unit says nothing systemd
// shows what its processes inherit from the manager.

type execRow struct {
	name, sig string
	get       func(e *unit.ExecContext, s *subject) any
}

func ofExec(list []execRow) []property {
	out := make([]property, len(list))
	for i, r := range list {
		out[i] = property{name: r.name, sig: r.sig, emits: constant, get: func(s *subject) any { return r.get(s.config().Exec, s) }}
	}
	return out
}

// limitOrder is systemd's order of the resource limits.
var limitOrder = [...]unit.RlimitKind{
	unit.LimitCPU, unit.LimitFSIZE, unit.LimitDATA, unit.LimitSTACK, unit.LimitCORE, unit.LimitRSS, unit.LimitNOFILE, unit.LimitAS,
	unit.LimitNPROC, unit.LimitMEMLOCK, unit.LimitLOCKS, unit.LimitSIGPENDING, unit.LimitMSGQUEUE, unit.LimitNICE,
	unit.LimitRTPRIO, unit.LimitRTTIME,
}

// limitRows are two rows for each resource limit.
func limitRows(prefix string, limit func(*subject, unit.RlimitKind) unit.Rlimit) []property {
	var list []property
	for _, k := range limitOrder {
		list = append(list,
			property{name: prefix + k.String(), sig: "t", emits: constant, get: func(s *subject) any { return limit(s, k).Hard }},
			property{name: prefix + k.String() + "Soft", sig: "t", emits: constant, get: func(s *subject) any { return limit(s, k).Soft }})
	}
	return list
}

func unitLimit(s *subject, k unit.RlimitKind) unit.Rlimit {
	if b := s.config().Exec.Rlimits[k]; b.Set {
		return b.Value
	}
	return s.inheritedLimit(k)
}

func execProperties() []property {
	return slices.Concat(ofExec([]execRow{
		{"Environment", "as", func(e *unit.ExecContext, s *subject) any { return texts(e.Environment) }},
		{"EnvironmentFiles", "a(sb)", func(e *unit.ExecContext, s *subject) any {
			list := []flagged{}
			for _, f := range e.EnvironmentFiles {
				list = append(list, flagged{f.Path, f.Optional})
			}
			return list
		}},
		{"PassEnvironment", "as", func(e *unit.ExecContext, s *subject) any { return texts(e.PassEnvironment) }},
		{"UnsetEnvironment", "as", func(e *unit.ExecContext, s *subject) any { return texts(e.UnsetEnvironment) }},
		{"UMask", "u", func(e *unit.ExecContext, s *subject) any { return e.UMask }},
	}), limitRows("", unitLimit), ofExec([]execRow{
		{"WorkingDirectory", "s", workingDirectory},
		{"RootDirectory", "s", func(e *unit.ExecContext, s *subject) any { return e.RootDirectory }},
		{"RootImage", "s", func(e *unit.ExecContext, s *subject) any { return e.RootImage }},
		{"RootImageOptions", "a(ss)", func(e *unit.ExecContext, s *subject) any { return imageOptions(e.RootImageOptions) }},
		{"RootHash", "ay", func(e *unit.ExecContext, s *subject) any { return bytesOf(e.RootHash) }},
		{"RootHashPath", "s", func(e *unit.ExecContext, s *subject) any { return e.RootHashPath }},
		{"RootHashSignature", "ay", func(e *unit.ExecContext, s *subject) any { return bytesOf(e.RootHashSignature) }},
		{"RootHashSignaturePath", "s", func(e *unit.ExecContext, s *subject) any { return e.RootHashSignaturePath }},
		{"RootVerity", "s", func(e *unit.ExecContext, s *subject) any { return e.RootVerity }},
		{"ExtensionDirectories", "as", func(e *unit.ExecContext, s *subject) any { return pathRules(e.ExtensionDirectories) }},
		{"ExtensionImages", "a(sba(ss))", extensionImages},
		{"MountImages", "a(ssba(ss))", mountImages},
		{"OOMScoreAdjust", "i", func(e *unit.ExecContext, s *subject) any {
			if e.OOMScoreAdjust.Set {
				return int32(e.OOMScoreAdjust.Value)
			}
			return inheritedOOMScoreAdjust()
		}},
		{"CoredumpFilter", "t", func(e *unit.ExecContext, s *subject) any {
			if e.CoredumpFilter.Set {
				return e.CoredumpFilter.Value
			}
			return inheritedCoredumpFilter()
		}},
		{"Nice", "i", func(e *unit.ExecContext, s *subject) any {
			if e.Nice.Set {
				return int32(e.Nice.Value)
			}
			return inheritedNice()
		}},
		{"IOSchedulingClass", "i", func(e *unit.ExecContext, s *subject) any { return int32(e.IOClass) }},
		{"IOSchedulingPriority", "i", func(e *unit.ExecContext, s *subject) any { return int32(e.IOPriority) }},
		{"CPUSchedulingPolicy", "i", func(e *unit.ExecContext, s *subject) any { return int32(e.CPUPolicy) }},
		{"CPUSchedulingPriority", "i", func(e *unit.ExecContext, s *subject) any { return int32(e.CPUPriority) }},
		{"CPUAffinity", "ay", func(e *unit.ExecContext, s *subject) any { return bitmap(e.CPUAffinity) }},
		{"CPUAffinityFromNUMA", "b", func(e *unit.ExecContext, s *subject) any { return e.CPUAffinityNUMA }},
		{"NUMAPolicy", "i", func(e *unit.ExecContext, s *subject) any {
			if e.NUMAPolicy.Set {
				return int32(e.NUMAPolicy.Value)
			}
			return int32(-1)
		}},
		{"NUMAMask", "ay", func(e *unit.ExecContext, s *subject) any { return bitmap(e.NUMAMask) }},
		{"TimerSlackNSec", "t", func(e *unit.ExecContext, s *subject) any {
			if e.TimerSlack.Set {
				return e.TimerSlack.Value
			}
			return inheritedTimerSlack()
		}},
		{"CPUSchedulingResetOnFork", "b", func(e *unit.ExecContext, s *subject) any { return e.CPUResetOnFork }},
		{"NonBlocking", "b", func(e *unit.ExecContext, s *subject) any {
			return s.config().Service != nil && s.config().Service.NonBlocking
		}},
		{"StandardInput", "s", func(e *unit.ExecContext, s *subject) any { return e.Input.String() }},
		{"StandardInputFileDescriptorName", "s", func(e *unit.ExecContext, s *subject) any {
			return streamName(e.Input == unit.InputFD, e.Streams[0].FDName, "stdin")
		}},
		{"StandardInputData", "ay", func(e *unit.ExecContext, s *subject) any { return bytesOf(e.InputBytes) }},
		{"StandardOutput", "s", func(e *unit.ExecContext, s *subject) any { return e.Output.String() }},
		{"StandardOutputFileDescriptorName", "s", func(e *unit.ExecContext, s *subject) any {
			return streamName(e.Output == unit.OutputFD, e.Streams[1].FDName, "stdout")
		}},
		{"StandardError", "s", func(e *unit.ExecContext, s *subject) any { return e.Error.String() }},
		{"StandardErrorFileDescriptorName", "s", func(e *unit.ExecContext, s *subject) any {
			return streamName(e.Error == unit.OutputFD, e.Streams[2].FDName, "stderr")
		}},
		{"TTYPath", "s", func(e *unit.ExecContext, s *subject) any { return e.TTYPath }},
		{"TTYReset", "b", func(e *unit.ExecContext, s *subject) any { return e.TTYReset }},
		{"TTYVHangup", "b", func(e *unit.ExecContext, s *subject) any { return e.TTYVHangup }},
		{"TTYVTDisallocate", "b", func(e *unit.ExecContext, s *subject) any { return e.TTYVTDisallocate }},
		{"TTYRows", "q", func(e *unit.ExecContext, s *subject) any { return ttySize(e.TTYRows) }},
		{"TTYColumns", "q", func(e *unit.ExecContext, s *subject) any { return ttySize(e.TTYCols) }},
		{"SyslogPriority", "i", func(e *unit.ExecContext, s *subject) any { return int32(e.SyslogFacility)<<3 | int32(e.SyslogLevel) }},
		{"SyslogIdentifier", "s", func(e *unit.ExecContext, s *subject) any { return e.SyslogIdentifier }},
		{"SyslogLevelPrefix", "b", func(e *unit.ExecContext, s *subject) any { return e.SyslogLevelPrefix }},
		{"SyslogLevel", "i", func(e *unit.ExecContext, s *subject) any { return int32(e.SyslogLevel) }},
		{"SyslogFacility", "i", func(e *unit.ExecContext, s *subject) any { return int32(e.SyslogFacility) }},
		{"LogLevelMax", "i", func(e *unit.ExecContext, s *subject) any {
			if e.LogLevelMax.Set {
				return int32(e.LogLevelMax.Value)
			}
			return int32(-1)
		}},
		{"LogRateLimitIntervalUSec", "t", func(e *unit.ExecContext, s *subject) any { return usec(e.LogRateLimitInterval) }},
		{"LogRateLimitBurst", "u", func(e *unit.ExecContext, s *subject) any { return uint32(e.LogRateLimitBurst) }},
		{"LogExtraFields", "aay", func(e *unit.ExecContext, s *subject) any {
			list := [][]byte{}
			for _, f := range e.LogExtraFields {
				list = append(list, []byte(f))
			}
			return list
		}},
		{"LogNamespace", "s", func(e *unit.ExecContext, s *subject) any { return e.LogNamespace }},
		{"SecureBits", "i", func(e *unit.ExecContext, s *subject) any { return int32(e.SecureBits) }},
		{"CapabilityBoundingSet", "t", func(e *unit.ExecContext, s *subject) any { return uint64(e.BoundingSet) }},
		{"AmbientCapabilities", "t", func(e *unit.ExecContext, s *subject) any { return uint64(e.AmbientSet) }},
		{"User", "s", func(e *unit.ExecContext, s *subject) any { return e.User }},
		{"Group", "s", func(e *unit.ExecContext, s *subject) any { return e.Group }},
		{"DynamicUser", "b", func(e *unit.ExecContext, s *subject) any { return e.DynamicUser }},
		{"RemoveIPC", "b", func(e *unit.ExecContext, s *subject) any { return e.RemoveIPC }},
		{"SetCredential", "a(say)", func(e *unit.ExecContext, s *subject) any { return setCredentials(e, false) }},
		{"SetCredentialEncrypted", "a(say)", func(e *unit.ExecContext, s *subject) any { return setCredentials(e, true) }},
		{"LoadCredential", "a(ss)", func(e *unit.ExecContext, s *subject) any { return loadCredentials(e, false) }},
		{"LoadCredentialEncrypted", "a(ss)", func(e *unit.ExecContext, s *subject) any { return loadCredentials(e, true) }},
		{"SupplementaryGroups", "as", func(e *unit.ExecContext, s *subject) any { return texts(e.SupplementaryGroups) }},
		{"PAMName", "s", func(e *unit.ExecContext, s *subject) any { return e.PAMName }},
	}))
}

func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func workingDirectory(e *unit.ExecContext, s *subject) any {
	dir := e.WorkingDirectory
	if e.WorkingDirectoryHome {
		dir = "~"
	}
	if e.WorkingDirectoryMissingOK {
		dir = "!" + dir
	}
	return dir
}

// streamName is exec_context_fdname of src/core/execute.c.
func streamName(isFD bool, name, standard string) string {
	switch {
	case !isFD:
		return ""
	case name == "":
		return standard
	}
	return name
}

// ttySize: no size is UINT_MAX, as much of it as fits.
func ttySize(b unit.Bound[uint]) uint16 {
	if b.Set {
		return uint16(b.Value)
	}
	return ^uint16(0)
}

type setCredential struct {
	ID   string
	Data []byte
}

func setCredentials(e *unit.ExecContext, encrypted bool) []setCredential {
	list := []setCredential{}
	for _, c := range e.SetCredentials {
		if c.Encrypted == encrypted {
			list = append(list, setCredential{c.ID, bytesOf(c.Data)})
		}
	}
	return list
}

func loadCredentials(e *unit.ExecContext, encrypted bool) []pair {
	list := []pair{}
	for _, c := range e.LoadCredentials {
		if c.Encrypted == encrypted {
			list = append(list, pair{c.ID, c.Source})
		}
	}
	return list
}

func imageOptions(options []unit.ImageOption) []pair {
	list := []pair{}
	for _, o := range options {
		list = append(list, pair{o.Partition, o.Options})
	}
	return list
}

type extensionImage struct {
	Source   string
	Optional bool
	Options  []pair
}

func extensionImages(e *unit.ExecContext, s *subject) any {
	list := []extensionImage{}
	for _, i := range e.ExtensionImages {
		list = append(list, extensionImage{i.Source, i.Optional, imageOptions(i.Options)})
	}
	return list
}

type mountImage struct {
	Source, Destination string
	Optional            bool
	Options             []pair
}

func mountImages(e *unit.ExecContext, s *subject) any {
	list := []mountImage{}
	for _, i := range e.MountImages {
		list = append(list, mountImage{i.Source, i.Destination, i.Optional, imageOptions(i.Options)})
	}
	return list
}
