package systemctl_test

import (
	"strings"
	"testing"

	"keelson/init/applet/manager"
)

// refuse has the manager refuse a method.
func refuse(method, name, message string) func(*world) {
	return func(w *world) { w.fails[method] = &manager.Error{Name: name, Message: message} }
}

// What the manager refuses is told in its words, and the exit status says why.
func TestRefusals(t *testing.T) {
	const see = "See system logs and 'systemctl status web.service' for details.\n"
	for _, c := range []struct {
		line, method, name, message, stderr string
		status                              int
	}{
		{"start web", "StartUnit", manager.AccessDenied, "no", "Failed to start web.service: Access denied\n" + see, 4},
		{"start web", "StartUnit", manager.OnlyByDependency, "Operation refused, unit web.service may be requested by dependency only (it is configured to refuse manual start/stop).",
			"Failed to start web.service: Operation refused, unit web.service may be requested by dependency only (it is configured to refuse manual start/stop).\n" + see, 4},
		{"stop web", "StopUnit", manager.TransactionIsDestructive, "x", "Failed to stop web.service: x\n" + see, 4},
		{"reload web", "ReloadUnit", manager.JobTypeNotApplicable, "Job type reload is not applicable for unit web.service.",
			"Failed to reload web.service: Job type reload is not applicable for unit web.service.\n", 3},
		{"start web", "StartUnit", manager.LoadFailed, "bad", "Failed to start web.service: bad\n" + see, 6},
		{"start web", "StartUnit", "org.freedesktop.DBus.Error.Failed", "odd", "Failed to start web.service: odd\n" + see, 1},
		{"isolate web.service", "StartUnit", manager.NoIsolation, "Operation refused, unit may not be isolated.",
			"Failed to start web.service: Operation refused, unit may not be isolated.\n" + see, 4},
		{"kill web", "KillUnit", manager.NoSuchUnit, "Unit web.service not loaded.", "Failed to kill unit web.service: Unit web.service not loaded.\n", 1},
		{"reset-failed web", "ResetFailedUnit", manager.NoSuchUnit, "m", "Failed to reset failed state of unit web.service: m\n", 1},
		{"daemon-reload", "Reload", manager.AccessDenied, "m", "Reload daemon failed: Access denied\n", 1},
		{"set-property web Nice=1", "SetUnitProperties", "org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property Nice, or unknown property.",
			"Failed to set unit properties on web.service: Cannot set property Nice, or unknown property.\n", 1},
		{"enable web", "EnableUnitFiles", "org.freedesktop.systemd1.UnitMasked", "Unit file web.service is masked.", "Failed to enable unit: Unit file web.service is masked.\n", 1},
		{"set-default x", "SetDefaultTarget", "org.freedesktop.DBus.Error.FileNotFound", "m", "Failed to set default target: m\n", 1},
		{"cancel 5", "CancelJob", "org.freedesktop.systemd1.NoSuchJob", "Job 5 does not exist.", "Failed to cancel job 5: Job 5 does not exist.\n", 1},
		{"clean web", "CleanUnit", "org.freedesktop.systemd1.UnitBusy", "Unit is not inactive or has pending job.", "Failed to clean unit web.service: Unit is not inactive or has pending job.\n", 1},
		{"list-units", "ListUnitsByPatterns", manager.AccessDenied, "", "Failed to list units: Access denied\n", 1},
		{"list-jobs", "ListJobs", manager.AccessDenied, "", "Failed to list jobs: Access denied\n", 1},
		{"bind web /a", "BindMountUnit", manager.NotSupported, "no", "Failed to bind mount: no\n", 1},
		{"switch-root /x", "SwitchRoot", manager.NotSupported, "no", "Failed to switch root: no\n", 1},
		{"service-watchdogs off", "Set", manager.AccessDenied, "", "Failed to set service-watchdog state: Access denied\n", 1},
	} {
		w := newWorld(t, refuse(c.method, c.name, c.message))
		_, stderr, status := w.run(strings.Fields(c.line)...)
		if stderr != c.stderr || status != c.status {
			t.Errorf("%s: %q, %d\nwant %q, %d", c.line, stderr, status, c.stderr, c.status)
		}
	}
}

// How a job that failed is told of, by how it ended (log_job_error_with_service_result of bus-wait-for-jobs.c).
func TestJobResults(t *testing.T) {
	for result, want := range map[string]string{
		"done":        "",
		"skipped":     "",
		"failed":      "Job for web.service failed.\nSee \"systemctl status web.service\" and \"journalctl -xeu web.service\" for details.\n",
		"canceled":    "Job for web.service canceled.\n",
		"timeout":     "Job for web.service timed out.\n",
		"dependency":  "A dependency job for web.service failed. See 'journalctl -xe' for details.\n",
		"invalid":     "web.service is not active, cannot reload.\n",
		"assert":      "Assertion failed on job for web.service.\n",
		"unsupported": "Operation on or unit type of web.service not supported on this system.\n",
		"collected":   "Queued job for web.service was garbage collected.\n",
		"once":        "Unit web.service was started already once and can't be started again.\n",
	} {
		w := newWorld(t, func(w *world) { w.results["web.service"] = result })
		_, stderr, status := w.run("start", "web")
		if stderr != want || (status != 0) != (want != "") {
			t.Errorf("%s: %q, %d", result, stderr, status)
		}
		if _, stderr, _ := w.run("start", "-q", "web"); stderr != "" {
			t.Errorf("%s: not quiet: %s", result, stderr)
		}
		if _, _, status := w.run("start", "--no-block", "web"); status != 0 {
			t.Errorf("%s: waited for", result)
		}
	}
}

// --wait goes on until the unit is down again; what has failed by then is a failure.
func TestWait(t *testing.T) {
	w := newWorld(t, func(w *world) { w.results["broken.service"] = "done" })
	if _, stderr, status := w.run("start", "--wait", "broken"); status != 1 || !strings.HasPrefix(stderr, "Warning: The unit file") {
		t.Errorf("%q, %d", stderr, status)
	}
	w = newWorld(t, func(w *world) { w.results["db.service"] = "done" })
	if _, stderr, status := w.run("start", "--wait", "db"); status != 0 || stderr != "" {
		t.Errorf("%q, %d", stderr, status)
	}
}
