package unit

// ListenKind is what a Listen*= directive opens (systemd.socket(5)).
type ListenKind uint8

// The listen kinds.
const (
	ListenStream ListenKind = iota
	ListenDatagram
	ListenSequentialPacket
	ListenFIFO
	ListenNetlink
	ListenSpecial
	ListenMessageQueue
	ListenUSBFunction
)

var listenWords = words{"ListenStream", "ListenDatagram", "ListenSequentialPacket", "ListenFIFO", "ListenNetlink", "ListenSpecial", "ListenMessageQueue", "ListenUSBFunction"}

func (k ListenKind) String() string { return listenWords.of(uint8(k)) }

// AddressFamily is the family of a socket address.
type AddressFamily uint8

// The address families.
const (
	FamilyNone AddressFamily = iota
	FamilyUnix
	FamilyInet
	FamilyInet6
	FamilyVsock
	FamilyNetlink
)

var familyWords = words{"", "AF_UNIX", "AF_INET", "AF_INET6", "AF_VSOCK", "AF_NETLINK"}

func (f AddressFamily) String() string { return familyWords.of(uint8(f)) }

// Listen is one address of a socket unit.
type Listen struct {
	Kind   ListenKind
	Text   string        // as written, specifiers expanded
	Family AddressFamily // FamilyNone for what is no socket
	Path   string        // a path; for FamilyUnix "@name" is the abstract name space
	Host   string        // FamilyInet, FamilyInet6: an address, "" for any
	Scope  string        // FamilyInet6: an interface, by name or number
	Port   uint32        // FamilyInet, FamilyInet6, FamilyVsock; AnyPort if Text has none
	CID    uint32        // FamilyVsock; AnyCID for any

	Netlink string // FamilyNetlink: the family's name, and a multicast group
	Group   uint32
}

// AnyPort and AnyCID stand for a vsock's free choice.
const (
	AnyPort = ^uint32(0)
	AnyCID  = ^uint32(0)
)

// BindIPv6Only is BindIPv6Only=.
type BindIPv6Only uint8

// The settings of BindIPv6Only=.
const (
	BindIPv6Default BindIPv6Only = iota
	BindIPv6Both
	BindIPv6OnlyYes
)

var bindIPv6OnlyWords = words{"default", "both", "ipv6-only"}

func (b BindIPv6Only) String() string { return bindIPv6OnlyWords.of(uint8(b)) }

// Timestamping is Timestamping=.
type Timestamping uint8

// The settings of Timestamping=.
const (
	TimestampingOff Timestamping = iota
	TimestampingUs
	TimestampingNs
)

var timestampingWords = words{"off", "us", "ns"}

func (t Timestamping) String() string { return timestampingWords.of(uint8(t)) }

// Socket is the [Socket] section, defaults filled in (systemd.socket(5)).
type Socket struct {
	Listens  []Listen
	Commands Commands // ExecStartPre, ExecStartPost, ExecStopPre, ExecStopPost
	Accept   bool
	Service  string // what it starts; for Accept=yes the template, and the Triggers dependency is made at each connection
	Protocol string // SocketProtocol=: "udplite" or "sctp"

	MaxConnections          uint
	MaxConnectionsPerSource uint
	TriggerLimit            RateLimit // 200 in 2 s for Accept=yes, else 20 in 2 s, unless set
	PollLimit               RateLimit // systemd 255; 0: none, as in 252. Where one is set, the other is 2 s, and 150 for Accept=yes, else 15
	Timeout                 Usec
	FlushPending            bool
	Writable                bool
	RemoveOnStop            bool
	FDName                  string // FileDescriptorName=, else the unit's name; "connection" for Accept=yes
	Symlinks                []string

	SocketUser, SocketGroup string
	SocketMode              uint32
	DirectoryMode           uint32

	Backlog                                          uint
	BindIPv6Only                                     BindIPv6Only
	BindToDevice                                     string
	KeepAlive                                        bool
	KeepAliveTime, KeepAliveInterval, DeferAccept    Usec // 0: the kernel's
	KeepAliveProbes                                  uint
	NoDelay, FreeBind, Transparent, Broadcast        bool
	PassCredentials, PassSecurity, PassPacketInfo    bool
	ReusePort, SELinuxContextFromNet                 bool
	PassFileDescriptorsToExec                        bool // systemd 256
	Priority, Mark, IPTOS, IPTTL                     Bound[int]
	ReceiveBuffer, SendBuffer, PipeSize              uint64 // bytes, 0: the kernel's
	MessageQueueMaxMessages, MessageQueueMessageSize int64
	TCPCongestion                                    string
	Timestamping                                     Timestamping
	SmackLabel, SmackLabelIPIn, SmackLabelIPOut      string
}
