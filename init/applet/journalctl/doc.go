// Package journalctl is the program that shows the journal: journalctl(1) of systemd 252 for images that have none.
//
// Output and exit status are journalctl's. What has no meaning in a container, or would need systemd's own files (other machines, images,
// catalogs, sealing keys), is refused with a line that says so. -g takes Go's regular expressions (RE2), not PCRE2.
package journalctl
