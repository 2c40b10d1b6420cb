package supervise

import "keelson/supervise/unit"

// exited is the end of the control process (socket_sigchld_event in src/core/socket.c).
func (s socket) exited(e Exited) {
	s.forgetControl()
	list := s.config().Commands[s.ControlKind]
	f := e.Status.result(false, nil)
	if s.ControlIndex < len(list) && list[s.ControlIndex].Flags&unit.IgnoreFailure != 0 {
		f = Success
	}
	s.m.logExit(s.u, "Control process", s.ControlKind.String(), f == Success, e.Status)
	s.Result.keep(f)
	runs := s.State.is(SocketStartPre, SocketStartPost) || s.State.is(SocketStopPre, SocketStopPost)
	if f == Success && runs && s.ControlIndex+1 < len(list) {
		s.spawn(s.ControlKind, s.ControlIndex+1)
		return
	}
	s.commandDone(f)
}

func (s socket) commandDone(f Result) {
	switch s.State {
	case SocketStartPre:
		if f == Success {
			s.enterOpen()
		} else {
			s.enterSignal(SocketFinalSigterm, f)
		}
	case SocketStartPost:
		if f == Success {
			s.enterListening()
		} else {
			s.enterStopPre(f)
		}
	case SocketStopPre, SocketStopPreSigterm, SocketStopPreSigkill:
		s.enterStopPost(f)
	case SocketStopPost, SocketFinalSigterm, SocketFinalSigkill:
		s.enterDead(f)
	}
}

func (s socket) spawnFailed(e SpawnFailed) {
	if s.Control.Command != e.Command {
		return
	}
	s.forgetControl()
	s.m.log(s.u, 4, "Failed to run '"+s.State.String()+"' task: "+e.Error)
	s.Result.keep(Resources)
	s.commandDone(Resources)
}

func (s socket) empty() {
	if s.Control.Alive() {
		return
	}
	s.u.Leftover = Leftover{Known: true}
	if s.State >= SocketStopPreSigterm && s.State <= SocketFinalSigkill {
		s.commandDone(Success)
	}
}

// deadline is the column "time" (socket_dispatch_timer in src/core/socket.c).
func (s socket) deadline(kind deadlineKind) {
	if kind == pollDeadline {
		if s.State == SocketListening && !s.Listening {
			s.listen(false)
		}
		return
	}
	k := s.u.Config.Kill
	switch s.State {
	case SocketStartPre:
		s.m.log(s.u, 4, "Starting timed out. Terminating.")
		s.enterSignal(SocketFinalSigterm, Timeout)
	case SocketStartPost:
		s.m.log(s.u, 4, "Starting timed out. Stopping.")
		s.enterStopPre(Timeout)
	case SocketStopPre:
		s.m.log(s.u, 4, "Stopping timed out. Terminating.")
		s.enterSignal(SocketStopPreSigterm, Timeout)
	case SocketStopPreSigterm:
		if k.SendSIGKILL {
			s.m.log(s.u, 4, "Stopping timed out. Killing.")
			s.enterSignal(SocketStopPreSigkill, Timeout)
			return
		}
		s.m.log(s.u, 4, "Stopping timed out. Skipping SIGKILL. Ignoring.")
		s.enterStopPost(Timeout)
	case SocketStopPreSigkill:
		s.m.log(s.u, 4, "Processes still around after SIGKILL. Ignoring.")
		s.enterStopPost(Timeout)
	case SocketStopPost:
		s.m.log(s.u, 4, "Stopping timed out (2). Terminating.")
		s.enterSignal(SocketFinalSigterm, Timeout)
	case SocketFinalSigterm:
		if k.SendSIGKILL {
			s.m.log(s.u, 4, "Stopping timed out (2). Killing.")
			s.enterSignal(SocketFinalSigkill, Timeout)
			return
		}
		s.m.log(s.u, 4, "Stopping timed out (2). Skipping SIGKILL. Ignoring.")
		s.enterDead(Timeout)
	case SocketFinalSigkill:
		s.m.log(s.u, 4, "Still around after SIGKILL (2). Entering failed mode.")
		s.enterDead(Timeout)
	}
}
