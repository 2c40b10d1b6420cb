package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"keelson/supervise/calendar"
)

// Storage is where journal files are kept (Storage= of journald.conf(5)).
type Storage uint8

const (
	StorageAuto       Storage = iota // in /var/log/journal if that exists, else in /run/log/journal
	StorageVolatile                  // in /run
	StoragePersistent                // in /var, which is made; else in /run
	StorageNone
)

var storageNames = [...]string{"auto", "volatile", "persistent", "none"}

// Use bounds the files of one directory, in bytes; 0 means the default.
type Use struct {
	MaxUse, KeepFree, MaxFileSize uint64
	MaxFiles                      uint64
}

// Config is journald.conf(5), as far as a container has a use for it. The zero value is the default.
type Config struct {
	Storage         Storage
	System, Runtime Use
	MaxRetention    time.Duration // 0: none
	MaxFile         time.Duration // 0: a month; negative: none
	SyncInterval    time.Duration // 0: 5 minutes
	RateLimit       RateLimit     // zero: 10000 in 30 seconds
	LineMax         int           // bytes; 0: 48 KiB
	MaxLevelStore   Level
}

// Defaults. A journal of a container is small: 16 MB instead of a tenth of the file system.
const (
	defaultMaxUse   = 16 << 20
	defaultKeepFree = 1 << 20
	defaultMaxFiles = 100
	defaultLineMax  = 48 << 10
	largestLineMax  = 1 << 20

	defaultSync  = 5 * time.Minute
	defaultMonth = 30 * 24 * time.Hour
)

func (c Config) filled() Config {
	for _, u := range []*Use{&c.System, &c.Runtime} {
		if u.MaxUse == 0 {
			u.MaxUse = defaultMaxUse
		}
		if u.KeepFree == 0 {
			u.KeepFree = defaultKeepFree
		}
		if u.MaxFileSize == 0 {
			u.MaxFileSize = min(max(u.MaxUse/8, 512<<10), 128<<20)
		}
		if u.MaxFiles == 0 {
			u.MaxFiles = defaultMaxFiles
		}
	}
	if c.MaxFile == 0 {
		c.MaxFile = defaultMonth
	}
	if c.SyncInterval == 0 {
		c.SyncInterval = defaultSync
	}
	if c.RateLimit == (RateLimit{}) {
		c.RateLimit = RateLimit{Interval: 30 * time.Second, Burst: 10000}
	}
	if c.LineMax == 0 {
		c.LineMax = defaultLineMax
	}
	return c
}

// configDirs are searched for journald.conf.d/*.conf, the first that has a name wins; journald.conf itself comes from the first of them that
// has it (systemd.conf-like files, CONF_PATHS).
var configDirs = []string{"etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd", "lib/systemd"}

// LoadConfig reads journald.conf and its drop-ins under root ("" is /). What it cannot make sense of is left at its default and told in
// problems, a line each; a missing file is none.
func LoadConfig(root string) (c Config, problems []string) {
	if root == "" {
		root = "/"
	}
	read := func(path string) bool {
		text, err := os.ReadFile(path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				problems = append(problems, err.Error())
			}
			return false
		}
		problems = append(problems, c.parse(path, string(text))...)
		return true
	}
	for _, dir := range configDirs {
		if read(filepath.Join(root, dir, "journald.conf")) {
			break
		}
	}
	dropins := map[string]string{}
	for _, dir := range configDirs {
		found, _ := filepath.Glob(filepath.Join(root, dir, "journald.conf.d", "*.conf"))
		for _, path := range found {
			if name := filepath.Base(path); dropins[name] == "" {
				dropins[name] = path
			}
		}
	}
	names := make([]string, 0, len(dropins))
	for name := range dropins {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		read(dropins[name])
	}
	return c, problems
}

// settings are what parse understands. What else journald.conf knows has no meaning here and is passed over.
var settings = map[string]func(c *Config, value string) error{
	"Storage": func(c *Config, v string) error {
		for i, n := range storageNames {
			if n == v {
				c.Storage = Storage(i)
				return nil
			}
		}
		return errors.New("not one of " + strings.Join(storageNames[:], ", "))
	},
	"SystemMaxUse":         func(c *Config, v string) error { return size(&c.System.MaxUse, v) },
	"SystemKeepFree":       func(c *Config, v string) error { return size(&c.System.KeepFree, v) },
	"SystemMaxFileSize":    func(c *Config, v string) error { return size(&c.System.MaxFileSize, v) },
	"SystemMaxFiles":       func(c *Config, v string) error { return number(&c.System.MaxFiles, v) },
	"RuntimeMaxUse":        func(c *Config, v string) error { return size(&c.Runtime.MaxUse, v) },
	"RuntimeKeepFree":      func(c *Config, v string) error { return size(&c.Runtime.KeepFree, v) },
	"RuntimeMaxFileSize":   func(c *Config, v string) error { return size(&c.Runtime.MaxFileSize, v) },
	"RuntimeMaxFiles":      func(c *Config, v string) error { return number(&c.Runtime.MaxFiles, v) },
	"MaxRetentionSec":      func(c *Config, v string) error { return span(&c.MaxRetention, v, 0) },
	"MaxFileSec":           func(c *Config, v string) error { return span(&c.MaxFile, v, -1) },
	"SyncIntervalSec":      func(c *Config, v string) error { return span(&c.SyncInterval, v, -1) },
	"RateLimitInterval":    rateInterval,
	"RateLimitIntervalSec": rateInterval,
	"RateLimitBurst": func(c *Config, v string) error {
		var n uint64
		if err := number(&n, v); err != nil {
			return err
		}
		c.rate().Burst, c.RateLimit.Off = uint(n), c.RateLimit.Off || n == 0
		return nil
	},
	"MaxLevelStore": func(c *Config, v string) error {
		severity, ok := ParseSeverity(v)
		if !ok {
			return errors.New("not a log level")
		}
		c.MaxLevelStore = LevelOf(severity)
		return nil
	},
	"LineMax": func(c *Config, v string) error {
		var n uint64
		if err := size(&n, v); err != nil {
			return err
		}
		c.LineMax = int(min(max(n, 79), largestLineMax)) // LINE_MAX of journald-server.c
		return nil
	},
}

// rate makes sure that a half-set limit has journald's other half.
func (c *Config) rate() *RateLimit {
	if c.RateLimit == (RateLimit{}) {
		c.RateLimit = RateLimit{Interval: 30 * time.Second, Burst: 10000}
	}
	return &c.RateLimit
}

func rateInterval(c *Config, v string) error {
	d := time.Duration(0)
	if err := span(&d, v, 0); err != nil {
		return err
	}
	c.rate().Interval, c.RateLimit.Off = d, c.RateLimit.Off || d == 0
	return nil
}

func (c *Config) parse(path, text string) (problems []string) {
	section := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			section = line
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		set := settings[key]
		switch {
		case !ok:
			problems = append(problems, fmt.Sprintf("%s:%d: neither a section nor KEY=VALUE, ignored", path, i+1))
		case section != "[Journal]" || set == nil:
		case value == "":
			// An empty value leaves the default, which is what there is unless an earlier file set it.
		default:
			if err := set(c, value); err != nil {
				problems = append(problems, fmt.Sprintf("%s:%d: %s=%s: %s, ignored", path, i+1, key, value, err))
			}
		}
	}
	return problems
}

func number(to *uint64, v string) error {
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return errors.New("not a number")
	}
	*to = n
	return nil
}

// size reads bytes with K, M, G, T, P or E to the base of 1024 (parse_size of parse-util.c).
func size(to *uint64, v string) error {
	n, err := ParseSize(v)
	if err == nil {
		*to = n
	}
	return err
}

// ParseSize reads bytes with K, M, G, T, P or E to the base of 1024, also with a fraction ("1.5G").
func ParseSize(v string) (uint64, error) {
	shift := 0
	if len(v) > 0 {
		if i := strings.IndexByte("BKMGTPE", v[len(v)-1]); i >= 0 {
			shift, v = 10*i, strings.TrimSpace(v[:len(v)-1])
		}
	}
	whole, fraction, _ := strings.Cut(v, ".")
	n, err := strconv.ParseUint(whole, 10, 64)
	if err != nil || n<<shift>>shift != n {
		return 0, errors.New("not a size")
	}
	n <<= shift
	if fraction != "" {
		f, err := strconv.ParseFloat("0."+fraction, 64)
		if err != nil {
			return 0, errors.New("not a size")
		}
		n += uint64(f * float64(uint64(1)<<shift))
	}
	return n, nil
}

// span reads a time span; what is infinite becomes infinity.
func span(to *time.Duration, v string, infinity time.Duration) error {
	u, err := calendar.ParseSec(v)
	if err != nil {
		return errors.New("not a time span")
	}
	if *to = u.Duration(); u == calendar.Infinity {
		*to = infinity
	}
	return nil
}

var severityNames = [...]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// ParseSeverity reads a severity by name or number, as journalctl -p and MaxLevelStore= do.
func ParseSeverity(text string) (int, bool) {
	for i, n := range severityNames {
		if text == n || text == strconv.Itoa(i) {
			return i, true
		}
	}
	return 0, false
}
