// Package loop joins the machine to the kernel. One goroutine, locked to the main thread, owns the [supervise.Machine] and every kernel
// resource that its units have: it collects what the kernel knows, hands it to the machine as events, and carries the effects out.
//
// # The turn
//
//	wait      epoll_wait(2): signals, timers, exec reports, notify socket, sockets, inotify, pidfds, and what other goroutines ask
//	collect   1. how executions went          a report can't come after what the program itself does
//	          2. what services say            before each process is reaped the notify socket is emptied, so that no exit
//	          3. who has ended                overtakes its own READY=1, and every sender is still there to be told by
//	          4. everything else
//	act       the events in that order, and the events that follow from their effects, until there are none
//	tick      if a deadline is due: deadlines come last, so that whatever else happened in time wins
//	flush     what D-Bus clients are to know; the timers are set to the machine's next deadline
//
// Nothing in a turn blocks. What would take long is done by other goroutines (D-Bus clients, the journal) or by other processes; they
// come back through [Loop.Do].
//
// # Signals
//
// All signals are blocked from before the Go runtime is up (package early), and those that the runtime leaves blocked are read from a signalfd, with who
// sent them. Some it unblocks in all its threads, whatever they were started with (blockableSig in runtime/signal_unix.go): SIGCHLD, and those
// that end a process, SIGHUP, SIGINT, SIGQUIT, SIGABRT and SIGTERM. These come by os/signal. SIGCHLD is a hint that may stand for any number
// of children, so nothing is lost with it.
//
// # Descriptors
//
// The machine knows descriptors by handles that are never used twice; the table here has the kernel's numbers. All are closed on exec.
package loop
