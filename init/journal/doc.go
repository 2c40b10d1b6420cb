// Package journal collects what a container's services say, keeps it in journal files and shows it on the container's standard
// output.
//
//	in                                             out
//	a stream per service (Collector.Stream)   \    /  journal files, for journalctl (package file)
//	/run/systemd/journal/stdout                |  |   the container's standard output, each line once
//	/run/systemd/journal/socket (native)       +--+   a syslog or journald socket of the world outside
//	/run/systemd/journal/dev-log (syslog)      |
//	the manager's own lines (Collector.Log)   /
//
// One goroutine, the collector, owns all of it: it blocks in its own epoll_wait, reads, and writes the files. Two kinds of goroutines serve
// it, because they may block for long: one writes to standard output, and short-lived ones wait for fsync. All others hand it closures through a
// queue and an eventfd. When nothing is said, nothing runs: the only timer is the one for the sync that is due after a write.
//
// # Trusted fields
//
// Fields that begin with an underscore are the collector's word, never a sender's: the process, user and group come from the kernel's
// credentials of the very write or datagram, the unit from Options.Lookup or, for a service's stream, from who made it. The rest is read from
// /proc and kept per process for at most refreshAfter, so it may be that of a process that took over the number in between, as it is with journald.
//
// # What is bounded
//
//	a line                 LineMax bytes (48 KiB); longer ones are cut into several entries with _LINE_BREAK=line-max
//	an unfinished line     the same, once per stream, and only while it is unfinished
//	a native entry         nativeLargest bytes, read from one memfd at a time
//	the manager's lines    queueLines
//	standard output        consoleChunks chunks of consoleChunk bytes; beyond that lines are dropped, counted, and the count is shown
//	known processes        contextsMost
//	a journal file         its map is the kernel's page cache, given back when the file is synced
//
// What a sender has queued in its socket is the kernel's to bound: a service that writes faster than it is read blocks, a sender of
// datagrams gets EAGAIN or blocks, and no other is concerned.
package journal
