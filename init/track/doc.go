// Package track answers whose process one is, and reaches all processes of a unit.
//
// # Words
//
//   - A stamp is a unit's number ([supervise.Unit].Stamp), worn by its processes as resource limit: [Tracker.Limit] is the value that a
//     process sets as its soft and hard RLIMIT_LOCKS before it executes the unit's program. The limit has had no effect since Linux 2.4.25
//     (getrlimit(2)), is inherited through fork, execve, setsid and setuid, cannot be raised again without CAP_SYS_RESOURCE, and
//     can be read from outside: by prlimit(2) of a process with the same ids, by /proc/PID/limits of any. The value is a
//     random base of this manager's with the stamp in its low 32 bits, so that no limit set by anybody else is taken for one.
//   - A member is a process of a unit. A zombie is none: what has ended is of interest to its parent alone.
//   - A pass looks at all processes of the PID namespace once. A process that was placed is remembered by its PID and the inode of its
//     directory in /proc, which the directory listing tells: proc(5) makes a new inode for each process, so the same
//     inode is the same process and costs nothing more.
//   - The known are the processes that the manager itself has started and not yet reaped. Their PIDs cannot be given to others.
//
// # Laws
//
// Of a process that is not known, the first of these decides that has something to say:
//
//  1. Its cgroup, where the manager keeps units in cgroups: a unit's, or one outside all of them, which is nobody's. The manager's own says
//     nothing.
//  2. Its stamp.
//  3. Its nearest ancestor that is known or stamped, if it has no stamp of ours: the unit sets LimitLOCKS= itself, or the process
//     belongs to a manager inside a service. A process that has lost its parent is lost to this rule, unless a pass has seen it before.
//
// Processes that the container runtime puts into the PID namespace (docker exec) descend from nobody and belong to no unit.
//
//   - A signal goes to a pidfd, and the process is placed again after that was opened: a PID that was given to another meanwhile gets none.
//     Neither PID 1 nor the manager is ever signalled.
//   - A unit is empty when two passes one after the other find no member and none was started since. One pass can miss a process
//     whose PID wrapped around, born behind the pass by a parent that ended before it.
//   - A kill passes until there is nobody new. Against processes that fork faster, they are stopped first: what is stopped neither forks nor ends.
//
// A Tracker has one owner; [Tracker.Lookup] alone may be called by others at any time.
package track
