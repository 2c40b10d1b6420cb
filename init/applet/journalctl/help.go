package journalctl

// help lists the options that do something here.
func (c *command) help() {
	c.fprintf(`%s [OPTIONS...] [MATCHES...]

Show the journal.

Where it is read:
     --system                Only the system's files
     --user                  Only those of the calling user
  -m --merge                 The files of all machines
  -D --directory=PATH        The files of a directory
     --file=PATH             A file
     --root=ROOT             The files below another root directory

Which entries:
  -S --since=DATE            None before a time
  -U --until=DATE            None after a time
  -c --cursor=CURSOR         From a cursor on
     --after-cursor=CURSOR   From behind a cursor on
     --cursor-file=FILE      The same with the cursor in FILE, which is updated
  -b --boot[=ID]             Of this boot, or of one by ID or number
  -u --unit=UNIT             Of a unit, or of those that match a pattern
     --user-unit=UNIT        The same for units of a user
  -t --identifier=STRING     With a syslog identifier
  -p --priority=RANGE        Of a severity and more important, or FROM..TO
     --facility=FACILITY...  Of syslog facilities
  -g --grep=PATTERN          With a message that matches a regular expression
     --case-sensitive[=BOOL] How -g takes letters
  -k --dmesg                 Of the kernel

How they are shown:
  -o --output=STRING         The form: -o help lists them
     --output-fields=LIST    The fields for verbose, export, json and cat
  -n --lines[=INTEGER]       So many, the last
  -r --reverse               The newest first
     --show-cursor           With the cursor of the last at the end
     --utc                   With times in UTC
  -x --catalog               (nothing: there are no explanations)
     --no-hostname           Without the host's name
     --no-full               With long lines cut
  -a --all                   With long and unprintable fields as they are
  -f --follow                And those that are still to come
     --no-tail               All before them as well
  -q --quiet                 Without remarks
     --no-pager              Without a pager
  -e --pager-end             At the end of the pager

Instead of entries:
  -h --help                  This text
     --version               The version
  -N --fields                The names of all fields
  -F --field=FIELD           The values of a field
     --list-boots            The boots
     --header                The headers of the files
     --disk-usage            The space that the files take
     --vacuum-size=BYTES     Delete the oldest files down to a size
     --vacuum-files=INT      Delete the oldest files down to a number
     --vacuum-time=TIME      Delete what is older
     --verify                Check the files
     --sync                  Write all to the disk
     --flush                 Move the journal from /run to /var
     --relinquish-var        Move to /run from now on
     --smart-relinquish-var  The same, unless /var is on the root file system
     --rotate                Begin new files
`, c.Name())
}
