package unit

// socketGroups are systemd.socket(5).
func socketGroups() []group {
	s := func(u *Unit) *Socket { return u.Socket }
	cmds := func(u *Unit) *Commands { return &s(u).Commands }
	var rows []row
	for k := ListenStream; k <= ListenUSBFunction; k++ {
		st := honoured
		switch k {
		case ListenUSBFunction:
			st = inert("a container has no USB gadgets")
		case ListenNetlink:
			st = needs(NetAdmin)
		}
		rows = append(rows, row{k.String(), listen(k), st, 0})
	}
	rows = append(rows, []row{
		{"SocketProtocol", socketProtocol(), honoured, 0},
		{"BindIPv6Only", bindIPv6Only(), honoured, 0},
		{"Backlog", unsigned(func(u *Unit) *uint { return &s(u).Backlog }), honoured, 0},
		{"BindToDevice", bindToDevice(), needs(NetRaw), 0},
		{"SocketUser", userName(func(u *Unit) *string { return &s(u).SocketUser }), honoured, 0},
		{"SocketGroup", userName(func(u *Unit) *string { return &s(u).SocketGroup }), honoured, 0},
		{"SocketMode", mode(func(u *Unit) *uint32 { return &s(u).SocketMode }), honoured, 0},
		{"DirectoryMode", mode(func(u *Unit) *uint32 { return &s(u).DirectoryMode }), honoured, 0},
		{"Accept", boolean(func(u *Unit) *bool { return &s(u).Accept }), honoured, 0},
		{"Writable", boolean(func(u *Unit) *bool { return &s(u).Writable }), honoured, 0},
		{"FlushPending", boolean(func(u *Unit) *bool { return &s(u).FlushPending }), honoured, 0},
		{"MaxConnections", unsigned(func(u *Unit) *uint { return &s(u).MaxConnections }), honoured, 0},
		{"MaxConnectionsPerSource", unsigned(func(u *Unit) *uint { return &s(u).MaxConnectionsPerSource }), honoured, 0},
		{"KeepAlive", boolean(func(u *Unit) *bool { return &s(u).KeepAlive }), honoured, 0},
		{"KeepAliveTimeSec", span(func(u *Unit) *Usec { return &s(u).KeepAliveTime }), honoured, 0},
		{"KeepAliveIntervalSec", span(func(u *Unit) *Usec { return &s(u).KeepAliveInterval }), honoured, 0},
		{"KeepAliveProbes", unsigned(func(u *Unit) *uint { return &s(u).KeepAliveProbes }), honoured, 0},
		{"DeferAcceptSec", span(func(u *Unit) *Usec { return &s(u).DeferAccept }), honoured, 0},
		{"NoDelay", boolean(func(u *Unit) *bool { return &s(u).NoDelay }), honoured, 0},
		{"Priority", boundInteger(func(u *Unit) *Bound[int] { return &s(u).Priority }), honoured, 0},
		{"ReceiveBuffer", size(func(u *Unit) *uint64 { return &s(u).ReceiveBuffer }), honoured, 0},
		{"SendBuffer", size(func(u *Unit) *uint64 { return &s(u).SendBuffer }), honoured, 0},
		{"IPTOS", ipTOS(), honoured, 0},
		{"IPTTL", boundInteger(func(u *Unit) *Bound[int] { return &s(u).IPTTL }), honoured, 0},
		{"Mark", boundInteger(func(u *Unit) *Bound[int] { return &s(u).Mark }), needs(NetAdmin), 0},
		{"ReusePort", boolean(func(u *Unit) *bool { return &s(u).ReusePort }), honoured, 0},
		{"PipeSize", size(func(u *Unit) *uint64 { return &s(u).PipeSize }), honoured, 0},
		{"FreeBind", boolean(func(u *Unit) *bool { return &s(u).FreeBind }), honoured, 0},
		{"Transparent", boolean(func(u *Unit) *bool { return &s(u).Transparent }), needs(NetAdmin), 0},
		{"Broadcast", boolean(func(u *Unit) *bool { return &s(u).Broadcast }), honoured, 0},
		{"PassCredentials", boolean(func(u *Unit) *bool { return &s(u).PassCredentials }), honoured, 0},
		{"PassSecurity", boolean(func(u *Unit) *bool { return &s(u).PassSecurity }), honoured, 0},
		{"PassPacketInfo", boolean(func(u *Unit) *bool { return &s(u).PassPacketInfo }), honoured, 0},
		{"PassFileDescriptorsToExec", boolean(func(u *Unit) *bool { return &s(u).PassFileDescriptorsToExec }), honoured, 256},
		{"Timestamping", timestamping(), honoured, 0},
		{"TCPCongestion", literal(func(u *Unit) *string { return &s(u).TCPCongestion }), honoured, 0},
		{"MessageQueueMaxMessages", long(func(u *Unit) *int64 { return &s(u).MessageQueueMaxMessages }), honoured, 0},
		{"MessageQueueMessageSize", long(func(u *Unit) *int64 { return &s(u).MessageQueueMessageSize }), honoured, 0},
		{"RemoveOnStop", boolean(func(u *Unit) *bool { return &s(u).RemoveOnStop }), honoured, 0},
		{"Symlinks", absolutePaths(func(u *Unit) *[]string { return &s(u).Symlinks }), honoured, 0},
		{"FileDescriptorName", fdName(), honoured, 0},
		{"Service", socketService(), honoured, 0},
		{"TriggerLimitIntervalSec", span(func(u *Unit) *Usec { return &s(u).TriggerLimit.Interval }), honoured, 0},
		{"TriggerLimitBurst", unsigned(func(u *Unit) *uint { return &s(u).TriggerLimit.Burst }), honoured, 0},
		{"PollLimitIntervalSec", span(func(u *Unit) *Usec { return &s(u).PollLimit.Interval }), honoured, 255},
		{"PollLimitBurst", unsigned(func(u *Unit) *uint { return &s(u).PollLimit.Burst }), honoured, 255},
		{"TimeoutSec", spanOrNone(func(u *Unit) *Usec { return &s(u).Timeout }), honoured, 0},
		{"ExecStartPre", commands(ExecStartPre, cmds), honoured, 0},
		{"ExecStartPost", commands(ExecStartPost, cmds), honoured, 0},
		{"ExecStopPre", commands(ExecStopPre, cmds), honoured, 0},
		{"ExecStopPost", commands(ExecStopPost, cmds), honoured, 0},
		{"SmackLabel", text(func(u *Unit) *string { return &s(u).SmackLabel }), needs(MACAdmin), 0},
		{"SmackLabelIPIn", text(func(u *Unit) *string { return &s(u).SmackLabelIPIn }), needs(MACAdmin), 0},
		{"SmackLabelIPOut", text(func(u *Unit) *string { return &s(u).SmackLabelIPOut }), needs(MACAdmin), 0},
		{"SELinuxContextFromNet", boolean(func(u *Unit) *bool { return &s(u).SELinuxContextFromNet }), inert("the container runtime sets the label"), 0},
	}...)
	return []group{{"systemd.socket(5)", []string{"Socket"}, rows}}
}
