// Package sshdrecipe makes a container ready for the image's own sshd, and says how to run it: host keys, accounts, what they log in with, the
// configuration. It serves nobody itself.
//
// # Words
//
// A setting is something that a person may say, by flag, variable, variable that names a file, or secret: a row of Settings. The state folder is where
// the recipe keeps what it writes for this start: /run/keelson-sshd, or for a user that is not root a folder of that user's own. A way in is a user
// together with what lets that user log in: a key, a password, or something that sshd asks elsewhere. A baked key is a host key that was in the image
// when the container was made: all containers of the image have it, and everybody who has the image. Rootless is a start with a uid other than 0:
// one user, a high port, keys alone.
//
// # Laws
//
//   - What sshd does is asked of sshd: its version (sshd -V), what it makes of its configuration (sshd -T), what it lacks (sshd -t).
//     After the configuration is written, sshd -T has to show that it was taken.
//   - The first value of a keyword counts (sshd_config(5)), so the recipe's lines are read first: a drop-in named 00-keelson.conf where the image's
//     configuration includes drop-ins (OpenSSH 8.2), otherwise a configuration of its own with the image's text below.
//   - Files appear whole, with their modes, or not at all. A host key that is there is never overwritten but for a baked one with fresh-keys.
//   - No password is a default, none is taken from argv, and none in clear from the environment.
//   - Without a way in nothing is started.
//   - All steps may be done again: a restart changes nothing that is right.
package sshdrecipe
