// Package unit reads systemd's unit files: text in, typed units and diagnostics out.
//
// # Words
//
// A unit has a [Type], which its name ends in, and one main name; aliases are its other names. A template
// ("foo@.service") is no unit, its instances ("foo@bar.service") are. A fragment is the unit's own file, a drop-in a
// further one whose lines come after the fragment's. A directive is one key of one section; its value takes a form. A
// [Dependency] is an edge of one [DependencyKind] with an [Origin]; the inverse edge of the other unit is not stored. A unit
// is inert if its type lives on its host only: mounts, automounts, swaps, devices, slices and scopes are read, named,
// depended upon, and never do anything.
//
// A [Loader] is given a file system ([FS]), a [Host] with what specifiers ask of the machine, and [Defaults] with the
// manager's configuration, which [ReadSystem] reads. Scan finds out what there is, Load makes a [Unit] of a name.
//
// # Laws
//
//   - The package is a function of what it is handed: no kernel, no clock, no goroutine, no file but through FS. The same
//     files give the same units and diagnostics, in the same order.
//   - A wrong line is remarked upon and ignored. The file goes on, except after what ends systemd's own reading, too: a
//     broken section header, a line that is no UTF-8 or longer than a mebibyte, and the values that refuse a unit (a
//     broken command, an impossible user). These end a fragment with LoadState BadSetting or LoadError; a drop-in only ends.
//   - Load never fails. Its unit is Loaded, and then complete: all defaults filled in, no Unset value left, all
//     implicit dependencies stated. Or it is not, and LoadError says why in one line.
//   - Nothing changes a unit after Load; its slices are shared by all who hold it, and the contexts of which its files say nothing
//     by many units. Only [OrderTarget] adds edges, before the units are used.
//   - An empty value resets a list where systemd has it so: commands, conditions, environment, paths. Dependencies are never
//     reset. One empty Condition resets them all, one empty timer resets all timers.
//   - Lists are in the order of the lines; systemd shows conditions and timers the other way round.
//   - Specifiers are expanded when a unit is loaded, variables ([ExpandArgv]) when a command is run.
//   - Lengths of time are [Usec], and [Infinity] is "never" and "no limit". A [Bound] tells an absent value from any other.
//   - Where systemd has a text for what is wrong, the diagnostic has that text, that of systemd 252. Notices are for what
//     is only old, and for what systemd would not say.
//
// # The table
//
// Every directive that systemd 252 knows, and those of later versions that say so in Since, is one [Directive] of one table:
// section, name, form, manual page and [Standing], which is what becomes of it in an ordinary container. The table
// reads unit files, and [Directives] and [FindDirective] walk it for whoever explains them. A directive that needs a
// privilege is read like any other: whether the privilege is there is for the one who runs the unit to find out, and to say;
// [Unit.Unsupported] has the lines.
//
// # Text
//
// systemd.syntax(7), as src/shared/conf-parser.c reads it: comments inside continued lines, continued lines of any length,
// an escaped backslash at the end of a line, CR and NUL as line ends, a byte order mark. go-systemd's lexer is the second
// opinion of the tests and writes the units of init scripts; it does not read here because it loses some of these and
// knows no line numbers, takes ten times as long and seventy times the memory, and runs a goroutine for each file.
//
// # Sources
//
// systemd.unit(5), .service(5), .exec(5), .kill(5), .resource-control(5), .socket(5), .timer(5), .path(5), .target(5),
// .mount(5), .automount(5), .swap(5), .slice(5), .scope(5), .special(7), .syntax(7), .time(7), systemd-sysv-generator(8); where
// they are silent, the source files of systemd 252 that comments name.
package unit
