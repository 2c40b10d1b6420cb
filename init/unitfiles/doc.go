// Package unitfiles is what systemctl enable, disable, mask, preset and their kin do to the unit files of a root directory: links that come and go. It
// knows no manager: who calls it for a running one reloads that (systemctl(1), "Unit File Commands"; src/shared/install.c).
//
// Laws:
//   - A unit file is found by the search path, the first folder first: what is in /etc hides what is in /run, and that what is in /lib. Its drop-ins count
//     for [Install] too.
//   - A link in the search path is an alias if it leads into the search path, a linked unit file if it leads elsewhere, a mask if it leads to /dev/null.
//   - Only what is in the configuration folder (/etc/systemd/system, or /run/systemd/system with Runtime) is made and removed. Generated and transient
//     units are refused, masked ones too.
//   - All paths, and the links on them, are resolved within the root directory. A link is made in one step, and one that is replaced is replaced in one.
//   - What was done and what failed are Changes, in order. An operation goes on after a failure where systemd does.
package unitfiles
