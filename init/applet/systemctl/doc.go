// Package systemctl is the systemctl applet, for images that have no systemctl of their own: the command line, the output, the messages and
// the exit statuses of systemd 252's, with what later versions added where a comment names the version. Called as halt, poweroff,
// reboot, shutdown, telinit, init or runlevel it is those.
//
// # Words
//
//   - A verb is what a command line asks for: "start", "list-units". It is a row of the table of verbs, and a function that returns the
//     exit status.
//   - Online is by way of the manager, offline is on unit files alone: with --root=, in an image build, or where no manager runs.
//   - A name is mangled: what a person typed becomes a unit name ("ssh" is ssh.service). A pattern expands to the names of units that the
//     manager has in memory.
//
// # Exit statuses
//
// 0 success, 1 failure; is-active and status 3 for what does not run, status 4 for what does not exist; start and its like 4 for what is
// forbidden, 5 for what is not there, 6 for what cannot be loaded, 3 for what does not apply (systemctl(1), "Exit status";
// translate_bus_error_to_exit_status of src/systemctl/systemctl-util.c). Of several failures the first decides.
//
// # What there is no more than a message for
//
// Other machines (--host, --machine), disk images (--image), user sessions' global files (--global), suspending and firmware: none of
// these exists in a container.
package systemctl
