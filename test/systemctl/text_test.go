package systemctl

import (
	"regexp"
	"slices"
	"strings"
)

// masks are what two runs may differ in: process IDs and what is made of them, times, and what is counted meanwhile.
var masks = []struct {
	of *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [A-Z]+`), "DATE"},
	{regexp.MustCompile(`@\d{10}\b`), "DATE"},
	{regexp.MustCompile(`\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d\d \d\d:\d\d:\d\d`), "DATE"},
	{regexp.MustCompile(`(?:\b\d+(?:us|ms|s|min|h|y|d| weeks?| months?| days?) ?)+(ago|left)\b`), "T $1"},
	{regexp.MustCompile(`Invocation: [0-9a-f]{32}`), "Invocation: ID"},
	{regexp.MustCompile(`(Duration|CPU): \d\S*( \d+\w+)*`), "$1: T"},
	{regexp.MustCompile(`Memory: .*`), "Memory: N"},
	{regexp.MustCompile(`\b(PID|Process|pid)([:=] ?| )\d+`), "${1}${2}P"},
	{regexp.MustCompile(`((?:[├└]─|\|-|` + "`" + `-)\s?(?:\x1b\[[\d;]*m)?)\d+ `), "${1}P "},
	{regexp.MustCompile(`\[\d+\]: `), "[P]: "},
	{regexp.MustCompile(`(?m)^(\w*Memory(?:Current|Available|Peak)|CPUUsageNSec|TasksCurrent|\w*NextElapse\w*|\w*Timestamp\w*|NInstalledJobs|NJobs|InvocationID|\w*PID)=.*`), "$1=N"},
	{regexp.MustCompile(`\d+ (loaded units|unit files|sockets|timers|automounts) listed`), "N $1 listed"},
	{regexp.MustCompile(`(OnActiveUSec \d+) \d+`), "$1 T"},
	{regexp.MustCompile(`next_elapse=[^}]*`), "next_elapse=N "},
	{regexp.MustCompile(`start_time=\[[^\]]*\] ; stop_time=\[[^\]]*\]`), "start_time=[T] ; stop_time=[T]"},
	{regexp.MustCompile(`/docker/[0-9a-f]{64}`), ""}, // the control group that the engine has put real systemd into
	{regexp.MustCompile(`(?m)^\d+( +\S+ +(?:start|stop|restart|reload|verify-active) +)`), "N$1"},
	{regexp.MustCompile(`blocking job \d+`), "blocking job N"},
	{regexp.MustCompile(`/\.#\S+[0-9a-f]{16}`), "/TEMPORARY"},
}

// sets are properties whose words come in the order of a hash table.
var sets = regexp.MustCompile(`(?m)^(Names|Requires|Requisite|Wants|BindsTo|PartOf|Upholds|RequiredBy|RequisiteOf|WantedBy|BoundBy|UpheldBy|ConsistsOf|` +
	`Conflicts|ConflictedBy|Before|After|OnFailure|OnFailureOf|OnSuccess|OnSuccessOf|Triggers|TriggeredBy|SliceOf)=(.*)$`)

func mask(text string) string {
	for _, m := range masks {
		text = m.of.ReplaceAllString(text, m.by)
	}
	return sets.ReplaceAllStringFunc(text, func(l string) string {
		name, words, _ := strings.Cut(l, "=")
		list := strings.Fields(words)
		slices.Sort(list)
		return name + "=" + strings.Join(list, " ")
	})
}

// diff lists the lines that are in one text alone: + in got, - in want.
func diff(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	// longest[i][j] is how many lines a[i:] and b[j:] have in common, in order.
	longest := make([][]int, len(a)+1)
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			if a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			}
		}
	}
	var out []string
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && longest[i+1][j] >= longest[i][j+1]:
			out, i = append(out, "\t+ "+a[i]), i+1
		default:
			out, j = append(out, "\t- "+b[j]), j+1
		}
	}
	if len(out) > 40 {
		out = append(slices.Clip(out[:40]), "\t…")
	}
	return strings.Join(out, "\n")
}
