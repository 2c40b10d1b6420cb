package assign

import (
	"strings"
	"testing"

	"keelson/supervise/unit"
)

// spelt is what a property's value is on the bus: its signature and its text.
func spelt(t unit.Type, assignment string) (string, error) {
	props, err := ParseOne(t, assignment)
	if err != nil {
		return "", err
	}
	var all []string
	for _, p := range props {
		all = append(all, p.Name+" "+p.Value.Signature().String()+" "+p.Value.String())
	}
	return strings.Join(all, "; "), nil
}

func TestParseOne(t *testing.T) {
	for _, c := range []struct {
		t                unit.Type
		assignment, want string
	}{
		{unit.TypeService, `CPUWeight=50`, `CPUWeight t @t 50`},
		{unit.TypeService, `CPUWeight=`, `CPUWeight t @t 18446744073709551615`},
		{unit.TypeService, `CPUWeight=idle`, `CPUWeight t @t 0`},
		{unit.TypeService, `CPUWeight=0`, `error: Failed to parse CPUWeight=0: Numerical result out of range`},
		{unit.TypeService, `IOWeight=10001`, `error: Failed to parse IOWeight=10001: Numerical result out of range`},
		{unit.TypeService, `CPUShares=1`, `error: Failed to parse CPUShares=1: Numerical result out of range`},
		{unit.TypeService, `CPUQuota=50%`, `CPUQuotaPerSecUSec t @t 500000`},
		{unit.TypeService, `CPUQuota=`, `CPUQuotaPerSecUSec t @t 18446744073709551615`},
		{unit.TypeService, `CPUQuota=0%`, `error: CPU quota too small.`},
		{unit.TypeService, `CPUQuota=x`, `error: CPU quota 'x' invalid.`},
		{unit.TypeService, `CPUQuotaPeriodSec=10ms`, `CPUQuotaPeriodUSec t @t 10000`},
		{unit.TypeService, `MemoryMax=1G`, `MemoryMax t @t 1073741824`},
		{unit.TypeService, `MemoryMax=50%`, `MemoryMaxScale u @u 2147483648`},
		{unit.TypeService, `MemoryMax=infinity`, `MemoryMax t @t 18446744073709551615`},
		{unit.TypeService, `MemoryMax=`, `MemoryMax t @t 18446744073709551615`},
		{unit.TypeService, `MemoryMax=lots`, `error: Failed to parse MemoryMax=lots: Invalid argument`},
		{unit.TypeService, `MemoryLow=`, `MemoryLow t @t 0`},
		{unit.TypeService, `TasksMax=10`, `TasksMax t @t 10`},
		{unit.TypeService, `TasksMax=10%`, `TasksMaxScale u @u 429496730`},
		{unit.TypeService, `TasksMax=infinity`, `TasksMax t @t 18446744073709551615`},
		{unit.TypeService, `TasksMax=-1`, `error: Failed to parse TasksMax=-1: Invalid argument`},
		{unit.TypeService, `Slice=a.slice`, `Slice s "a.slice"`},
		{unit.TypeService, `AllowedCPUs=0-2 5`, `AllowedCPUs ay @ay [0x27]`},
		{unit.TypeService, `Delegate=`, `DelegateControllers as @as []`},
		{unit.TypeService, `Delegate=yes`, `Delegate b true`},
		{unit.TypeService, `Delegate=cpu io`, `DelegateControllers as ["cpu", "io"]`},
		{unit.TypeService, `DeviceAllow=/dev/null rw`, `DeviceAllow a(ss) [("/dev/null", "rw",)]`},
		{unit.TypeService, `DeviceAllow=`, `DeviceAllow a(ss) @a(ss) []`},
		{unit.TypeService, `IOReadBandwidthMax=/dev/sda 1M`, `IOReadBandwidthMax a(st) @a(st) [("/dev/sda", 1000000,)]`},
		{unit.TypeService, `IOReadBandwidthMax=/dev/sda`, `error: Failed to parse IOReadBandwidthMax value /dev/sda.`},
		{unit.TypeService, `IODeviceLatencyTargetSec=/dev/sda 25ms`, `IODeviceLatencyTargetUSec a(st) @a(st) [("/dev/sda", 25000,)]`},
		{unit.TypeService, `IPAddressAllow=10.0.0.0/8`, `IPAddressAllow a(iayu) @a(iayu) [(2, [0xa, 0x0, 0x0, 0x0], 8,)]`},
		{unit.TypeService, `IPAddressAllow=any`, `IPAddressAllow a(iayu) @a(iayu) [(2, [0x0, 0x0, 0x0, 0x0], 0,), (10, [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0], 0,)]`},
		{unit.TypeService, `IPAddressDeny=localhost`, `IPAddressDeny a(iayu) @a(iayu) [(2, [0x7f, 0x0, 0x0, 0x0], 8,), (10, [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x1], 128,)]`},
		{unit.TypeService, `IPAddressDeny=not-an-address`, `error: Failed to parse IP address prefix: not-an-address`},
		{unit.TypeService, `IPAddressDeny=`, `IPAddressDeny a(iayu) @a(iayu) []`},
		{unit.TypeService, `SocketBindAllow=ipv4:tcp:80-90`, `SocketBindAllow a(iiqq) @a(iiqq) [(2, 6, 11, 80,)]`},
		{unit.TypeService, `SocketBindDeny=any`, `SocketBindDeny a(iiqq) @a(iiqq) [(0, 0, 0, 0,)]`},
		{unit.TypeService, `ManagedOOMMemoryPressureLimit=10%`, `ManagedOOMMemoryPressureLimit u @u 429496730`},
		{unit.TypeService, `PrivateTmp=yes`, `PrivateTmp b true`},
		{unit.TypeService, `PrivateTmp=maybe`, `error: Failed to parse PrivateTmp: maybe`},
		{unit.TypeService, `User=nobody`, `User s "nobody"`},
		{unit.TypeService, `ReadWritePaths=/a "/b c" -/d`, `ReadWritePaths as ["/a", "/b c", "-/d"]`},
		{unit.TypeService, `Environment=A=1 "B=two words"`, `Environment as ["A=1", "B=two words"]`},
		{unit.TypeService, `EnvironmentFile=-/etc/x`, `EnvironmentFiles a(sb) [("/etc/x", true,)]`},
		{unit.TypeService, `EnvironmentFile=x`, `EnvironmentFiles a(sb) [("x", false,)]`},
		{unit.TypeService, `SyslogLevel=err`, `SyslogLevel i 3`},
		{unit.TypeService, `SyslogFacility=mail`, `SyslogFacility i 2`},
		{unit.TypeService, `SyslogFacility=nowhere`, `error: Failed to parse SyslogFacility: nowhere`},
		{unit.TypeService, `SecureBits=keep-caps noroot`, `SecureBits i 17`},
		{unit.TypeService, `CPUSchedulingPolicy=rr`, `CPUSchedulingPolicy i 2`},
		{unit.TypeService, `OOMScoreAdjust=-500`, `OOMScoreAdjust i -500`},
		{unit.TypeService, `CoredumpFilter=0x33`, `CoredumpFilter t @t 51`},
		{unit.TypeService, `Nice=5`, `Nice i 5`},
		{unit.TypeService, `Nice=20`, `error: Failed to parse Nice=20: Numerical result out of range`},
		{unit.TypeService, `SystemCallErrorNumber=EPERM`, `SystemCallErrorNumber i 1`},
		{unit.TypeService, `SystemCallErrorNumber=kill`, `SystemCallErrorNumber i 2147483646`},
		{unit.TypeService, `IOSchedulingClass=idle`, `IOSchedulingClass i 3`},
		{unit.TypeService, `UMask=077`, `UMask u @u 63`},
		{unit.TypeService, `TimerSlackNSec=1us`, `TimerSlackNSec t @t 1000`},
		{unit.TypeService, `MountFlags=private`, `MountFlags t @t 262144`},
		{unit.TypeService, `LimitNOFILE=100:200`, `LimitNOFILE t @t 200; LimitNOFILESoft t @t 100`},
		{unit.TypeService, `LimitNOFILE=infinity`, `LimitNOFILE t @t 18446744073709551615; LimitNOFILESoft t @t 18446744073709551615`},
		{unit.TypeService, `LimitCPU=10s`, `LimitCPU t @t 10; LimitCPUSoft t @t 10`},
		{unit.TypeService, `LimitNOFILE=200:100`, `error: Failed to parse resource limit: 200:100`},
		{unit.TypeService, `LimitNONSENSE=1`, `error: Unknown assignment: LimitNONSENSE=1`},
		{unit.TypeService, `StandardInput=null`, `StandardInput s "null"`},
		{unit.TypeService, `StandardOutput=append:/var/log/x`, `StandardOutputFileToAppend s "/var/log/x"`},
		{unit.TypeService, `StandardInput=fd:name`, `StandardInputFileDescriptorName s "name"`},
		{unit.TypeService, `StandardInputText=hello\n`, `StandardInputData ay @ay [0x68, 0x65, 0x6c, 0x6c, 0x6f, 0xa, 0xa]`},
		{unit.TypeService, `StandardInputData=aGVsbG8=`, `StandardInputData ay @ay [0x68, 0x65, 0x6c, 0x6c, 0x6f]`},
		{unit.TypeService, `StandardInputData=!`, `error: Failed to decode base64 data '!': Invalid argument`},
		{unit.TypeService, `SetCredential=a:b\x41`, `SetCredential a(say) @a(say) [("a", [0x62, 0x41],)]`},
		{unit.TypeService, `LoadCredential=a:/b`, `LoadCredential a(ss) [("a", "/b",)]`},
		{unit.TypeService, `LoadCredential=a`, `LoadCredential a(ss) [("a", "a",)]`},
		{unit.TypeService, `LogExtraFields=A=B`, `LogExtraFields aay @aay [[0x41, 0x3d, 0x42]]`},
		{unit.TypeService, `AppArmorProfile=-x`, `AppArmorProfile (bs) (true, "x",)`},
		{unit.TypeService, `CapabilityBoundingSet=CAP_CHOWN CAP_NET_RAW`, `CapabilityBoundingSet t @t 8193`},
		{unit.TypeService, `CapabilityBoundingSet=~CAP_CHOWN`, `CapabilityBoundingSet t @t 18446744073709551614`},
		{unit.TypeService, `CapabilityBoundingSet=CAP_NONE_SUCH`, `CapabilityBoundingSet t @t 0`},
		{unit.TypeService, `CPUAffinity=0 2-3`, `CPUAffinity ay @ay [0xd]`},
		{unit.TypeService, `NUMAPolicy=bind`, `NUMAPolicy i 2`},
		{unit.TypeService, `SystemCallFilter=~@mount @swap`, `SystemCallFilter (bas) (false, ["@mount", "@swap"],)`},
		{unit.TypeService, `RestrictAddressFamilies=AF_UNIX`, `RestrictAddressFamilies (bas) (true, ["AF_UNIX"],)`},
		{unit.TypeService, `RestrictNamespaces=yes`, `RestrictNamespaces t @t 0`},
		{unit.TypeService, `RestrictNamespaces=~net`, `RestrictNamespaces t @t 1040318464`},
		{unit.TypeService, `RestrictNamespaces=moon`, `error: Failed to parse RestrictNamespaces value moon.`},
		{unit.TypeService, `BindPaths=/etc:/mnt:norbind -/x`, `BindPaths a(ssbt) @a(ssbt) [("/etc", "/mnt", false, 0,), ("/x", "/x", true, 16384,)]`},
		{unit.TypeService, `BindPaths=/a:/b:odd`, `error: Unknown options: /a:/b:odd`},
		{unit.TypeService, `TemporaryFileSystem=/opt:size=1M /run`, `TemporaryFileSystem a(ss) [("/opt", "size=1M",), ("/run", "",)]`},
		{unit.TypeService, `StateDirectory=a b:c`, `StateDirectory as ["a"]; StateDirectorySymlink a(sst) @a(sst) [("b", "c", 0,)]`},
		{unit.TypeService, `KillMode=process`, `KillMode s "process"`},
		{unit.TypeService, `KillSignal=TERM`, `KillSignal i 15`},
		{unit.TypeService, `KillSignal=SIGNOT`, `error: Failed to parse KillSignal: SIGNOT`},
		{unit.TypeService, `Type=oneshot`, `Type s "oneshot"`},
		{unit.TypeService, `RestartSec=1min`, `RestartUSec t @t 60000000`},
		{unit.TypeService, `RestartSec=soon`, `error: Failed to parse RestartSec=soon: Invalid argument`},
		{unit.TypeService, `TimeoutSec=5`, `TimeoutStartUSec t @t 5000000; TimeoutStopUSec t @t 5000000`},
		{unit.TypeService, `ExecStart=/bin/echo "a b" $X`, `ExecStart a(sasb) [("/bin/echo", ["/bin/echo", "a b", "$X"], false,)]`},
		{unit.TypeService, `ExecStart=-/bin/false`, `ExecStart a(sasb) [("/bin/false", ["/bin/false"], true,)]`},
		{unit.TypeService, `ExecStart=+!/bin/x`, `ExecStartEx a(sasas) [("!/bin/x", ["!/bin/x"], ["privileged"],)]`},
		{unit.TypeService, `ExecStart=!@/bin/x y z`, `ExecStartEx a(sasas) [("/bin/x", ["y", "z"], ["no-setuid"],)]`},
		{unit.TypeService, `ExecStart=`, `ExecStart a(sasb) @a(sasb) []`},
		{unit.TypeService, `SuccessExitStatus=75 SIGUSR1`, `SuccessExitStatus (aiai) ([75], [10],)`},
		{unit.TypeService, `SuccessExitStatus=256`, `error: Invalid status or signal 256 in SuccessExitStatus: Invalid argument`},
		{unit.TypeService, `FileDescriptorStoreMax=3`, `FileDescriptorStoreMax u @u 3`},
		{unit.TypeSocket, `ListenStream=/run/x`, `Listen a(ss) [("Stream", "/run/x",)]`},
		{unit.TypeSocket, `ListenStream=80`, `Listen a(ss) [("Stream", "80",)]`},
		{unit.TypeSocket, `ListenSpecial=/dev/x`, `Listen a(ss) [("Special", "/dev/x",)]`},
		{unit.TypeSocket, `ListenNetlink=kobject-uevent 1`, `Listen a(ss) [("Netlink", "kobject-uevent 1",)]`},
		{unit.TypeSocket, `Backlog=5`, `Backlog u @u 5`},
		{unit.TypeSocket, `IPTOS=low-delay`, `IPTOS i 16`},
		{unit.TypeSocket, `Mark=7`, `Mark i 7`},
		{unit.TypeSocket, `ReceiveBuffer=8M`, `ReceiveBuffer t @t 8388608`},
		{unit.TypeSocket, `SocketProtocol=sctp`, `SocketProtocol i 132`},
		{unit.TypeSocket, `SocketProtocol=tcp`, `error: Failed to parse SocketProtocol: tcp`},
		{unit.TypeSocket, `Symlinks=/a /b`, `Symlinks as ["/a", "/b"]`},
		{unit.TypeTimer, `OnCalendar=daily`, `TimersCalendar a(ss) [("OnCalendar", "daily",)]`},
		{unit.TypeTimer, `OnCalendar=never`, `TimersCalendar a(ss) [("OnCalendar", "never",)]`},
		{unit.TypeTimer, `OnBootSec=5min`, `TimersMonotonic a(st) @a(st) [("OnBootSec", 300000000,)]`},
		{unit.TypeTimer, `OnActiveSec=x`, `error: Failed to parse OnActiveSec=x: Invalid argument`},
		{unit.TypeTimer, `AccuracySec=1us`, `AccuracyUSec t @t 1`},
		{unit.TypePath, `PathExists=/x`, `Paths a(ss) [("PathExists", "/x",)]`},
		{unit.TypePath, `PathExists=x`, `Paths a(ss) [("PathExists", "x",)]`},
		{unit.TypePath, `MakeDirectory=on`, `MakeDirectory b true`},
		{unit.TypeScope, `RuntimeMaxSec=infinity`, `RuntimeMaxUSec t @t 18446744073709551615`},
		{unit.TypeMount, `What=/dev/sda1`, `What s "/dev/sda1"`},
		{unit.TypeMount, `LazyUnmount=no`, `LazyUnmount b false`},
		{unit.TypeAutomount, `TimeoutIdleSec=10`, `TimeoutIdleUSec t @t 10000000`},
		{unit.TypeSlice, `MemoryHigh=10M`, `MemoryHigh t @t 10485760`},
		{unit.TypeSlice, `Nice=1`, `error: Unknown assignment: Nice=1`},
		{unit.TypeSwap, `Nice=1`, `error: Unknown assignment: Nice=1`},
		{unit.TypeTarget, `Description=hello world`, `Description s "hello world"`},
		{unit.TypeTarget, `After=a.service b.service`, `After as ["a.service", "b.service"]`},
		{unit.TypeTarget, `ConditionPathExists=|!/x`, `Conditions a(sbbs) [("ConditionPathExists", true, true, "/x",)]`},
		{unit.TypeTarget, `ConditionPathExists=`, `Conditions a(sbbs) @a(sbbs) []`},
		{unit.TypeTarget, `AssertHost=y`, `Asserts a(sbbs) [("AssertHost", false, false, "y",)]`},
		{unit.TypeTarget, `StopWhenUnneeded=1`, `StopWhenUnneeded b true`},
		{unit.TypeTarget, `SuccessActionExitStatus=`, `SuccessActionExitStatus i -1`},
		{unit.TypeTarget, `SuccessActionExitStatus=7`, `SuccessActionExitStatus i 7`},
		{unit.TypeTarget, `SuccessActionExitStatus=256`, `error: Failed to parse SuccessActionExitStatus=256`},
		{unit.TypeTarget, `Nonsense=1`, `error: Unknown assignment: Nonsense=1`},
		{unit.TypeTarget, `nonsense`, `error: Not an assignment: nonsense`},
		{unit.TypeTarget, `=x`, `error: Unknown assignment: =x`},
		{unit.TypeService, `ExecStartPre CPUWeight=5`, `error: Unknown assignment: ExecStartPre CPUWeight=5`},
	} {
		got, err := spelt(c.t, c.assignment)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.t, c.assignment, got, c.want)
		}
	}
}

// The first that is wrong ends it, and an empty list is one.
func TestParse(t *testing.T) {
	props, err := Parse(unit.TypeService, []string{"Nice=1", "LimitCPU=1"})
	if err != nil || len(props) != 3 {
		t.Errorf("%v, %v", props, err)
	}
	if props, err := Parse(unit.TypeService, nil); err != nil || props == nil {
		t.Errorf("%v, %v: on the bus this has to be a list", props, err)
	}
	_, err = Parse(unit.TypeService, []string{"Nice=1", "Nice=x", "Nice=y"})
	if err == nil || err.Error() != "Failed to parse Nice=x: Invalid argument" {
		t.Error(err)
	}
}

// Every property has one form, and every form ends: with values that can be said on the bus, or an error of one line.
func FuzzParseOne(f *testing.F) {
	types := unit.Types()
	values, n := []string{"", "1", "a b", "/a:/b", "50%", "~x"}, 0
	for i, t := range types {
		for _, table := range formsOf(t) {
			for _, e := range table {
				for name := range strings.FieldsSeq(e.names) {
					f.Add(uint8(i), name+"="+values[n%len(values)])
					n++
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, assignment string) {
		got, err := spelt(types[int(kind)%len(types)], assignment)
		if err != nil && (err.Error() == "" || got != "") {
			t.Errorf("%q: %q, %v", assignment, got, err)
		}
	})
}

func TestNamesAreUnique(t *testing.T) {
	for _, u := range unit.Types() {
		for _, table := range formsOf(u) {
			seen := map[string]bool{}
			for _, e := range table {
				for n := range strings.FieldsSeq(e.names) {
					if seen[n] {
						t.Errorf("%s: %s is there twice", u, n)
					}
					seen[n] = true
				}
			}
		}
	}
}
