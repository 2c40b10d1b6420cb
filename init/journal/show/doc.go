// Package show writes journal entries as journalctl does (logs-show.c): on a line, in full, or for other programs.
package show
