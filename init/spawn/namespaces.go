package spawn

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/spawn/sandbox"
	"keelson/init/sys"
)

// may asks whether a namespace can be made, once: a child tries. What needs a capability that this process lacks is not tried. A mount namespace is of use only if its
// mounts can be made private, which AppArmor's profile for containers denies.
func (c *Compiler) may(flag uint64) error {
	if err, known := c.allowed[flag]; known {
		return err
	}
	var err error
	if flag != unix.CLONE_NEWUSER && !c.Machine.has(unix.CAP_SYS_ADMIN) {
		err = unix.EPERM
	} else {
		list := []Call{unshare(flag)}
		if flag == unix.CLONE_NEWNS {
			list = append(list, Mount("make the mounts private", "", "/", "", unix.MS_SLAVE|unix.MS_REC))
		}
		err = c.probe(list)
		if err != nil && !missing(err) {
			return nil // such as no memory: the process itself will find out
		}
	}
	c.allowed[flag] = err
	return err
}

// missing tells whether an error says that something is not allowed, or not known, here.
func missing(err error) bool {
	for _, e := range []error{unix.EPERM, unix.EACCES, unix.ENOSYS, unix.EOPNOTSUPP, unix.EINVAL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// probe has a child carry out a list that does nothing to anybody else.
func (c *Compiler) probe(list []Call) error {
	child, err := startIn(c.self, list, []uintptr{0, 1, 2}, nil)
	if err != nil {
		return err
	}
	err = child.Wait()
	sys.Retry(func() error { _, err := unix.Wait4(child.Pid, nil, 0, nil); return err })
	if errors.Is(err, errListEnded) {
		return nil
	}
	if err == nil {
		err = unix.ECHILD // it was killed
	}
	return err
}

var namespaceNames = []flagName{
	{unix.CLONE_NEWNS, "CLONE_NEWNS"}, {unix.CLONE_NEWNET, "CLONE_NEWNET"}, {unix.CLONE_NEWIPC, "CLONE_NEWIPC"}, {unix.CLONE_NEWUTS, "CLONE_NEWUTS"}, {unix.CLONE_NEWUSER, "CLONE_NEWUSER"},
}

func unshare(flag uint64) Call {
	return call("unshare", unix.SYS_UNSHARE, "make a namespace", flags(flag, namespaceNames))
}

// userFirst: without CAP_SYS_ADMIN a user namespace of its own gives the process what the other namespaces take.
func (b *builder) userFirst() bool {
	return b.sandboxed && b.x.PrivateUsers && !b.m.has(unix.CAP_SYS_ADMIN) && b.c.may(unix.CLONE_NEWUSER) == nil
}

// namespaces gives the process its network, IPC, mounts and host name.
func (b *builder) namespaces() {
	b.planView()
	userFirst := b.userFirst()
	if userFirst {
		b.userNamespace()
	}
	for _, n := range b.wanted {
		if b.ended {
			return
		}
		switch n.Flag {
		case unix.CLONE_NEWNET:
			b.shared(n, exitNetwork, "net", &b.life().network, func() {
				if err := loopback(); err != nil {
					b.degraded = append(b.degraded, Degradation{"PrivateNetwork=yes", fmt.Sprintf("its loopback interface stays down (%v); %s", err, grant("NET_ADMIN"))})
				}
			})
		case unix.CLONE_NEWIPC:
			b.shared(n, exitNamespace, "ipc", &b.life().ipc, func() {})
		case unix.CLONE_NEWNS:
			switch {
			case b.refusal != nil:
				b.fail(exitNamespace, "set up mount namespacing", b.refusal)
			case b.plan != nil:
				b.view()
			}
		case unix.CLONE_NEWUTS:
			if err := b.c.may(n.Flag); err != nil && !userFirst {
				b.lose(exitNamespace, Degradation{"ProtectHostname=yes", "a UTS namespace is denied here; the host name is protected by a system call filter alone; " + grant("SYS_ADMIN")})
			} else {
				b.add(unshare(n.Flag).exit(exitNamespace))
			}
		}
	}
}

// shared enters a namespace that all processes of the unit share, or one that is given by its file (setup_shareable_ns in src/core/namespace.c).
func (b *builder) shared(n sandbox.Namespace, status int, file string, fd *int, setup func()) {
	directive := strings.TrimSuffix(n.Directive, "=")
	purpose := "enter the namespace of " + n.Directive
	enter := func(from Arg) {
		b.add(call("setns", unix.SYS_SETNS, purpose+n.Path, from, flags(n.Flag, namespaceNames)).exit(status))
	}
	if n.Path != "" {
		f := b.add(open(purpose+n.Path, n.Path, unix.O_RDONLY|unix.O_NOCTTY, 0).exit(status))
		enter(Result(f))
		b.add(closeResult(f))
		return
	}
	if b.userFirst() || !b.m.Proc {
		// Its own: what another process of the unit made belongs to another user namespace, or cannot be found.
		b.add(unshare(n.Flag).exit(status))
		if n.Flag == unix.CLONE_NEWNET {
			for _, c := range LoopbackUp(len(b.list)) {
				b.add(c.MayFail())
			}
		}
		return
	}
	if err := b.c.may(n.Flag); err != nil {
		b.lose(status, Degradation{directive + "=yes", "takes a namespace, which is denied here (" + describe(errnoOf(err)) + "); " + grant("SYS_ADMIN")})
		return
	}
	if *fd < 0 {
		made, err := makeNamespace(int(n.Flag), file, setup)
		if err != nil {
			b.fail(status, "make the namespace of "+n.Directive, err)
			return
		}
		*fd = made
	}
	enter(Int(b.hand(*fd)))
}

// userNamespace maps the manager's ids and the process's own to themselves, all others to nobody (setup_private_users in src/core/execute.c).
func (b *builder) userNamespace() {
	if err := b.c.may(unix.CLONE_NEWUSER); err != nil {
		b.lose(exitUser, Degradation{"PrivateUsers=yes", "takes a user namespace, which is denied here (" + describe(errnoOf(err)) + "); docker run --security-opt seccomp=unconfined lets keelson make one"})
		return
	}
	idMap := func(own, id, capability int) string {
		text := fmt.Sprintf("%d %d 1\n", own, own)
		if id != Keep && id != own && b.m.has(capability) {
			text += fmt.Sprintf("%d %d 1\n", id, id)
		}
		return text
	}
	uids, gids := idMap(b.m.UID, b.who.uid, unix.CAP_SETUID), idMap(b.m.GID, b.who.gid, unix.CAP_SETGID)
	b.add(Call{Name: "map_users", Nr: early.OpMapUsers, Args: []Arg{Str(uids), Str(gids)}, For: "set up user namespacing"}.exit(exitUser))
	all := uint64(1)<<(b.m.LastCap+1) - 1
	b.sets = Sets{Effective: all, Permitted: all, Bounding: all}
}

// privateUsers is where a process that can makes its user namespace: after all others, which it then need not be in charge of.
func (b *builder) privateUsers() {
	if b.sandboxed && b.x.PrivateUsers && !b.userFirst() {
		b.userNamespace()
	}
}
