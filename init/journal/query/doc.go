// Package query reads the entries of many journal files as one journal, in the order in which they were written (sd-journal.c).
//
// Entries of one series are ordered by their sequence numbers, of one boot by the monotonic clock, others by the real-time clock. An
// entry that is in two files, as after a copy, is there once. Matches are looked up in the files' indexes: entries that do not match are not
// touched.
package query
