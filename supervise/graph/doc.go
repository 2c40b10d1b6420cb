// Package graph decides which jobs a request means, in which order they may
// run, and what the end of one job or the new state of one unit means for all
// others. It knows units by name, type and a handful of facts; it starts
// nothing, reads nothing and has no clock. The rules are those of systemd 252:
// systemd.unit(5) where the page speaks, src/core/{transaction,job,unit}.c
// where it is silent.
//
// # Words
//
//   - A unit is a node. Its [UnitID] is a small number, its [Facts] are what the
//     owner of the graph knows about it and keeps up to date.
//   - A [Dependency] is a kind of edge, named as in systemd.unit(5). Each kind
//     has an inverse, and adding one adds the other at the far end.
//   - An [Atom] is one behaviour of an edge. A kind is a set of atoms, all of
//     them in one table (dependency.go); every rule below asks for an atom, never
//     for a kind. BindsTo= and Requires= both pull in a start job; only one of them
//     carries the atom that stops the unit when the other one vanishes.
//   - A [Job] is a change asked of one unit: start, stop, reload, restart,
//     verify-active or nop. The types try-restart, try-reload and reload-or-start
//     depend on the unit's state and collapse into one of these before
//     anything else happens.
//   - A [Request] is a job type, a unit and a [JobMode]. A transaction is
//     everything one request pulls in; the job that was asked for is its anchor.
//   - A job matters when a chain of edges that cannot be given up leads to it
//     from the anchor (Requires= matters, Wants= does not).
//   - An installed job is one that a transaction has put on its unit. It is
//     waiting or running, and ends with a [JobResult].
//
// # Laws of a transaction
//
//  1. [Graph.Enqueue] changes either everything it says or nothing.
//  2. What comes out has at most one job per unit. Jobs of one unit merge by
//     one symmetric, associative table (jobtype.go); where two do not merge the one
//     that does not matter is dropped, and if both matter the request is refused
//     with TransactionJobsConflicting.
//  3. What comes out has no ordering cycle among its own jobs, nor through jobs
//     already installed. A cycle is broken by dropping the first job on it, seen from
//     its end, that does not matter, and every job for which that one mattered; the
//     cycle and the dropped job are reported ([Cycle]). If all jobs on it matter the
//     request is refused with TransactionOrderIsCyclic.
//  4. A job that nobody in the transaction asks for any more is dropped, except
//     when isolating. A job that changes nothing is dropped, except the anchor.
//  5. In mode fail nothing that is running is stopped and no installed job is
//     replaced for the sake of a job that does not matter; for one that matters the
//     request is refused with TransactionIsDestructive. In the other modes only
//     irreversible jobs are protected that way.
//
// # Laws of the queue
//
//  1. A unit has at most one installed job, and beside it at most one nop job.
//  2. Of two jobs whose units are ordered, a stop (and the stop half of a
//     restart) goes first; two starts go in the order of Before=, two stops in the
//     opposite order (job_compare).
//  3. A running job holds back those after it until it ends; it is never held
//     back itself.
//  4. A restart whose stop is done is a start job with the same id.
//  5. A start that failed takes down the start jobs of units that require it,
//     with result dependency, and theirs in turn. Cancelling does too; replacing by a
//     conflicting job does not.
//  6. A change of state that no job asked for is followed by jobs for the units
//     whose edges say so (retroactive start and stop).
//
// # What the caller does
//
// Enqueue a request, then drain [Graph.Next]: each job it yields is running; put
// [Graph.Verdict] or the unit's own answer into [Graph.Ran]. Report every change of a
// unit's state with [Graph.Notify], and enqueue the requests among the events it
// returns, in their order. When nothing else is due, drain [Graph.Collect] and
// [Graph.FollowUp]. Rate limits and timeouts need a clock and are the caller's
// (unit.c allows 16 follow-ups a unit in 10 s; after that, call [Graph.Recheck]).
// The error ShuttingDown is about bus activation and is the bus's to give, with
// [Graph.InactiveOrPending] of dbus.service and dbus.socket.
//
// # Where it differs from systemd 252
//
//   - The order is checked once more after jobs have merged. systemd does not look
//     again, and installs jobs that wait for each other for ever where a start has
//     become a restart.
//   - Law 4 holds to the end and for all jobs of a unit. systemd looks at a unit's
//     newest job only, and not again after its last search for redundant jobs.
//   - A nop merges with anything. systemd asserts that it never has to.
//   - Requests of OnFailure= made while a job ends are enqueued after all that the
//     end brings about, not in the midst of it.
//   - The job mode restart-dependencies is of systemd 254.
//
// # Order
//
// Two graphs that were told the same in the same order answer the same: edges
// are kept in the order of unit ids, transactions in the order in which units
// enter them, jobs in the order of their ids.
//
// A Graph is owned by one goroutine.
package graph
