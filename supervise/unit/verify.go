package unit

import "slices"

// verify says why a unit whose lines are all sound cannot be run, "" if it can: the *_verify functions of src/core. What is
// merely odd it remarks upon.
func (r *reading) verify() string {
	u := r.u
	why := ""
	switch {
	case u.Service != nil:
		why = u.Service.refusal(u)
		r.serviceOddities()
	case u.Socket != nil:
		why = u.Socket.refusal(u)
	case u.Timer != nil:
		if t := u.Timer; len(t.Monotonic)+len(t.Calendar) == 0 && !t.OnClockChange && !t.OnTimezoneChange {
			why = "Timer unit lacks value setting. Refusing."
		}
	case u.Path != nil:
		if len(u.Path.Specs) == 0 {
			why = "Path unit lacks path setting. Refusing."
		}
	case u.Mount != nil:
		why = u.Mount.refusal(u)
	case u.Automount != nil:
		if p, err := PathFromName(u.Name); err == nil && u.Automount.Where == "" {
			u.Automount.Where = p
		} else if err == nil && u.Automount.Where != p {
			why = "Where= setting doesn't match unit name. Refusing."
		}
	case u.Swap != nil:
		if u.Swap.What == "" {
			why = "What= setting is missing. Refusing."
		}
	case u.Type == TypeSlice:
		if !ValidSlice(u.Name) {
			why = "Slice name " + u.Name + " is not valid. Refusing."
		} else if u.Cgroup.Slice != ParentSlice(u.Name) {
			why = "Located outside of parent slice. Refusing."
		}
	}
	if why != "" {
		return why
	}
	for _, m := range []struct {
		kind DependencyKind
		mode JobMode
		text string
	}{{OnSuccess, u.OnSuccessJobMode, "OnSuccess"}, {OnFailure, u.OnFailureJobMode, "OnFailure"}} {
		if m.mode == JobIsolate && len(u.On(m.kind)) > 1 {
			return "More than one " + m.text + "= dependencies specified but " + m.text + "JobMode=isolate set. Refusing."
		}
	}
	if u.JobRunningTimeout != Infinity && u.JobRunningTimeout > u.JobTimeout {
		r.tell(Warning, "JobRunningTimeoutSec= is greater than JobTimeoutSec=, it has no effect.")
	}
	return ""
}

// refusal: service_verify in src/core/service.c, in its order.
func (s *Service) refusal(u *Unit) string {
	start, stop := s.Commands[ExecStart], s.Commands[ExecStop]
	oneshot := s.Type == ServiceOneshot
	switch {
	case len(start) == 0 && len(stop) == 0 && u.SuccessAction == ActionNone:
		return "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing."
	case !oneshot && len(start) == 0:
		return "Service has no ExecStart= setting, which is only allowed for Type=oneshot services. Refusing."
	case !s.RemainAfterExit && len(start) == 0 && u.SuccessAction == ActionNone:
		return "Service has no ExecStart= and no SuccessAction= settings and does not have RemainAfterExit=yes set. Refusing."
	case !oneshot && len(start) > 1:
		return "Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services. Refusing."
	case oneshot && (s.Restart == RestartAlways || s.Restart == RestartOnSuccess):
		return "Service has Restart= set to either always or on-success, which isn't allowed for Type=oneshot services. Refusing."
	case oneshot && !s.RestartForce.Empty():
		return "Service has RestartForceExitStatus= set, which isn't allowed for Type=oneshot services. Refusing."
	case oneshot && s.ExitType == ExitCgroup:
		return "Service has ExitType=cgroup set, which isn't allowed for Type=oneshot services. Refusing."
	case s.Type == ServiceDBus && s.BusName == "":
		return "Service is of type D-Bus but no D-Bus service name has been specified. Refusing."
	case u.Exec.PAMName != "" && u.Kill.Mode != KillControlGroup && u.Kill.Mode != KillMixed:
		return "Service has PAM enabled. Kill mode must be set to 'control-group' or 'mixed'. Refusing."
	}
	return ""
}

func (r *reading) serviceOddities() {
	s := r.u.Service
	for _, o := range []struct {
		odd  bool
		text string
	}{
		{s.USBFunctionDescriptors != "" && s.USBFunctionStrings == "", "Service has USBFunctionDescriptors= setting, but no USBFunctionStrings=. Ignoring."},
		{s.USBFunctionDescriptors == "" && s.USBFunctionStrings != "", "Service has USBFunctionStrings= setting, but no USBFunctionDescriptors=. Ignoring."},
		{s.RuntimeMax != Infinity && s.Type == ServiceOneshot, "RuntimeMaxSec= has no effect in combination with Type=oneshot. Ignoring."},
		{s.RuntimeMax == Infinity && s.RuntimeRandomExtra != 0, "Service has RuntimeRandomizedExtraSec= setting, but no RuntimeMaxSec=. Ignoring."},
		// service_build_restart of systemd 254: one without the other has no effect.
		{s.RestartMaxDelay == Infinity && s.RestartSteps > 0, "Service has RestartSteps= but no RestartMaxDelaySec= setting. Ignoring."},
		{s.RestartMaxDelay != Infinity && s.RestartSteps == 0, "Service has RestartMaxDelaySec= but no RestartSteps= setting. Ignoring."},
		{s.RestartMaxDelay < s.RestartDelay, "RestartMaxDelaySec= has a value smaller than RestartSec=, resetting RestartSec= to RestartMaxDelaySec=."},
	} {
		if o.odd {
			r.tell(Warning, o.text)
		}
	}
	if s.RestartMaxDelay < s.RestartDelay {
		s.RestartDelay = s.RestartMaxDelay
	}
}

// refusal: socket_verify in src/core/socket.c.
func (s *Socket) refusal(u *Unit) string {
	accepting := func(l Listen) bool {
		return l.Kind == ListenStream || l.Kind == ListenSequentialPacket
	}
	nodes := 0
	for _, l := range s.Listens {
		if l.Kind == ListenFIFO || l.Family == FamilyUnix && l.Path[0] == '/' {
			nodes++
		}
	}
	switch {
	case len(s.Listens) == 0:
		return "Unit has no Listen setting (ListenStream=, ListenDatagram=, ListenFIFO=, ...). Refusing."
	case s.Accept && slices.ContainsFunc(s.Listens, func(l Listen) bool { return !accepting(l) }):
		return "Unit configured for accepting sockets, but sockets are non-accepting. Refusing."
	case s.Accept && s.MaxConnections == 0:
		return "MaxConnection= setting too small. Refusing."
	case s.Accept && s.Service != "":
		return "Explicit service configuration for accepting socket units not supported. Refusing."
	case u.Exec.PAMName != "" && u.Kill.Mode != KillControlGroup:
		return "Unit has PAM enabled. Kill mode must be set to 'control-group'. Refusing."
	case len(s.Symlinks) > 0 && nodes != 1:
		return "Unit has symlinks set but none or more than one node in the file system. Refusing."
	}
	return ""
}

// refusal: mount_verify in src/core/mount.c.
func (m *Mount) refusal(u *Unit) string {
	p, err := PathFromName(u.Name)
	if m.Where == "" {
		m.Where = p
	}
	switch {
	case err == nil && m.Where != p:
		return "Where= setting doesn't match unit name. Refusing."
	case m.What == "":
		return "What= setting is missing. Refusing."
	case u.Exec.PAMName != "" && u.Kill.Mode != KillControlGroup:
		return "Unit has PAM enabled. Kill mode must be set to control-group'. Refusing."
	}
	return ""
}
