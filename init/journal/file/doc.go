// Package file writes and reads single files in systemd's journal file format (https://systemd.io/JOURNAL_FILE_FORMAT, and
// src/libsystemd/sd-journal/journal-def.h for what the text leaves out).
//
// A file is a header and an arena of objects, each 8-byte aligned, that only ever grows:
//
//	data         one "FIELD=value", stored once however many entries have it; knows the entries that do
//	field        one "FIELD"; heads the list of its data objects
//	entry        one message: times, sequence number, and the offsets of its data objects
//	entry array  offsets of entries in rising order; the header's chain lists all, a data object's chain those that have it
//	hash tables  one for data, one for fields, sized when the file is made
//
// A Writer's file is not compact, has keyed hashes and no compression, which journalctl has read since systemd 246.
//
// # What a crash leaves
//
// The writer may be killed between any two instructions, and then the file has to be whole: journalctl --verify holds the header's counts, the hash
// chains and all lists of entries against each other. So what is new is written behind the tail, where nobody looks, and slots behind the
// count of an array are filled; then one system call (see changes) takes it in: it changes the header and all words that refer to
// the new objects. A file that is found ONLINE is not continued, since a machine that lost its power leaves what the disk happened to have.
//
// Space is allocated with fallocate(2) before it is written, so that a full disk is an error and not SIGBUS. A fault that
// happens nonetheless (the file was cut by someone else) ends as ErrFault, not as a crash.
package file
