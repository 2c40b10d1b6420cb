// Package applet is what keelson's client programs have in common: the surroundings that they are given, options, messages, colours,
// glyphs, tables and the pager. The programs are the packages below it; each has a function Main that takes its arguments, args[0]
// being the name it was called by, and returns the exit status.
//
// # Words
//
//   - A [Host] is what a program is given in place of the process's own descriptors and environment: what it reads and writes, what
//     its terminal can show, where it looks for systemd's files. A test gives it buffers.
//   - A message is a line on the standard error, of a level; all else is output.
//   - A glyph is a character with a replacement in ASCII.
//   - A [Table] is rows and columns, fitted to the terminal's width.
//
// # Laws
//
//   - Output is what systemd 252's programs write, byte for byte where nothing but the environment decides. The environment variables
//     are systemd's: SYSTEMD_COLORS, NO_COLOR, SYSTEMD_PAGER, PAGER, SYSTEMD_LESS, SYSTEMD_LESSCHARSET, SYSTEMD_PAGERSECURE, SYSTEMD_URLIFY,
//     SYSTEMD_LOG_LEVEL, COLUMNS, TERM, COLORTERM, LANG, LC_ALL and LC_CTYPE.
//   - Nothing here is decided before it is asked for: a program that prints one word has not looked at the terminal.
//
// Sources: systemctl(1), "Environment"; src/basic/terminal-util.c, src/basic/locale-util.c, src/basic/glyph-util.c, src/shared/pager.c,
// src/shared/format-table.c of systemd 252.
package applet
