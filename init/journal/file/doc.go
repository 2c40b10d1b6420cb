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
// The writer may be killed between any two instructions, and then the file has to be whole: journalctl --verify compares the
// counts of the header with what it finds. So the header is never written through the mapping, but by one pwrite(2) of its
// 272 bytes, which the kernel completes once it has begun, and all else is ordered around these commits:
//
//  1. new data and field objects are written behind the tail, where nobody looks
//  2. the header takes them in: objects that nothing refers to are legal
//  3. hash chains and field lists are joined to them
//  4. the entry and new entry arrays are written behind the tail; slots behind an array's count are filled
//  5. the header takes the entry in: a last entry that its data objects do not know is legal
//  6. the data objects' counts are raised
//
// What remains are pairs of neighbouring stores in 3 and 6 (a chain's next and its bucket's tail; a first entry and the
// count 1), nanoseconds apart; Repair joins such a pair that was torn. A file that is found ONLINE is not continued.
//
// Space is allocated with fallocate(2) before it is written, so that a full disk is an error and not SIGBUS. A fault that
// happens nonetheless (the file was cut by someone else) ends as ErrFault, not as a crash.
package file
