package boot

import (
	"keelson/init/sysusers"
	"keelson/init/tmpfiles"
	"keelson/supervise/unit"
)

// applyConfiguration makes the users and folders that packages describe: sysusers.d before tmpfiles.d, which names them. Every line that could
// not be carried out is a notice.
func applyConfiguration(h unit.Host) []string {
	var notices []string
	for _, d := range sysusers.Apply("/", sysusers.Options{Host: h}) {
		notices = append(notices, d.String())
	}
	for _, d := range tmpfiles.Apply("/", tmpfiles.Options{Host: h, Create: true, Remove: true, Boot: true}) {
		notices = append(notices, d.String())
	}
	return notices
}
