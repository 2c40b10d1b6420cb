package unit

// PathKind is what a path unit watches for (systemd.path(5)).
type PathKind uint8

// The path kinds.
const (
	PathExists PathKind = iota
	PathExistsGlob
	PathChanged
	PathModified
	DirectoryNotEmpty
)

var pathKindWords = words{"PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"}

func (k PathKind) String() string { return pathKindWords.of(uint8(k)) }

// PathSpec is one watched path.
type PathSpec struct {
	Kind PathKind
	Path string // absolute; a pattern for PathExistsGlob
}

// Path is the [Path] section, defaults filled in.
type Path struct {
	Specs         []PathSpec
	Unit          string // what it starts; also a Triggers dependency
	MakeDirectory bool
	DirectoryMode uint32
	TriggerLimit  RateLimit // 200 in 2 s unless set
}
