// Package supervise is systemd's rules as a pure machine: what units are, when they start and stop, and what follows when a
// process ends. It knows nothing of the kernel. [Machine.Step] takes one event and gives the effects that follow, [Machine.Next]
// says when time matters; whoever owns the machine forks, kills, listens and waits. The rules are those of systemd 252 (its manual
// pages; src/core where they are silent), with what later versions added where a comment names the version.
//
// # Words
//
//   - A unit, a job, a transaction, a state, a result: systemd's words, for systemd's things. Package unit reads unit files,
//     package graph decides what a request means for all units, package calendar knows time, package notify reads sd_notify(3).
//   - An [Event] is what happened, an [Effect] is what to do. Both are plain values.
//   - A question is an effect whose name begins with Ask, Read or Open. Its answer is an event with the same [QueryID].
//   - A [Process] is named by its [CommandID]; the PID is what the caller says it is.
//   - A [Deadline] belongs to the state that it was armed in.
//
// # Laws for the caller
//
//  1. Effects are carried out in their order, each once.
//  2. Spawn is answered by Spawned or SpawnFailed, and that before the exit of the same process is told.
//  3. Every question is answered in the end. Until then the unit waits, and only that unit; an answer that comes too late is
//     ignored. AskEmpty has no id, as its answer is a fact about the unit: with Left, Empty is owed as soon as it is so.
//  4. An exit is told once, after all that the process has said (READY=1), and before the Empty that it brings about.
//  5. Tick comes last in a turn: deadlines are acted on by nothing else.
//  6. Descriptors are closed by CloseFDs and by nothing else; those that come with an event are the machine's.
//  7. Save is for the time between two steps, with every Spawn answered. After Restore the descriptors of [Machine.FDs] are open under
//     their old numbers, the effects that Restore gives are carried out first, and clients start anew.
//
// # Laws of the machine
//
//  1. A unit has at most one main and one control process. What it no longer tracks is one of its others.
//  2. An exit is consumed by at most one unit, once. Its status is kept whole to the last decision.
//  3. A deadline is acted on at most once. No deadline outlives the state that armed it.
//  4. Step ends: what would go on for ever is continued in the next one, and Next says so.
//  5. Nothing follows from anything after Finish.
//  6. The same events give the same effects, also when the machine is saved and restored in between.
//
// # Where to read on
//
// service.go has the state model of services, timer.go, path.go and socket.go those of theirs, inert.go says what has no life
// here, mounts.go follows what is mounted, transient.go is about units that clients make; jobs.go drives the graph, units.go loads,
// state.go is what every change of a state means, shutdown.go is the way down, save.go and restore.go carry a machine over into
// another process. look.go is for those who only look. The scenarios in testdata show all of it at work.
package supervise
