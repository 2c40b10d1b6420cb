package filter

import (
	"slices"

	"golang.org/x/sys/unix"
)

// test is a condition on an argument of a call.
type test struct {
	arg   uint8
	bits  bool // any bit of value is set; else the argument is value
	value uint32
}

func is(arg uint8, value uint32) test    { return test{arg, false, value} }
func hasAny(arg uint8, bits uint32) test { return test{arg, true, bits} }

// rule gives a verdict where all tests hold.
type rule struct {
	tests   []test
	verdict uint32
}

// ruling is what is said of one call: the first rule that holds, else the verdict.
type ruling struct {
	rules   []rule
	verdict uint32
}

// policy is the ruling on each call of an abi, and the verdict on all others.
type policy struct {
	abi       abi
	calls     []span // one number each, in any order; of two for one number the later counts
	behind    []span // rules for socketcall(2) and ipc(2), if calls has nothing for them
	otherwise uint32
}

// span is the calls from one number up to the next span's.
type span struct {
	from uint32
	ruling
}

// policies makes one for each abi.
func (c *compiler) policies(otherwise uint32) []policy {
	list := make([]policy, len(c.abis))
	for i, a := range c.abis {
		list[i] = policy{abi: a, otherwise: otherwise}
	}
	return list
}

// rule says what becomes of a call, if the abi has it. What i386 has behind socketcall(2) and ipc(2) too is ruled upon there as well,
// unless the arguments count, which are in memory then.
func (p *policy) rule(s *syscall, r ruling) {
	if s == nil {
		return
	}
	if nr := s.nr[p.abi]; nr >= 0 {
		p.calls = append(p.calls, span{uint32(nr) | p.bit(), r})
	}
	if p.abi != i386 || r.rules != nil {
		return
	}
	if n, ok := socketcalls[s.name]; ok {
		p.ruleBehind(socketcallNr, n, r.verdict)
	}
	if n, ok := ipccalls[s.name]; ok {
		// The upper half of ipc's number is a version that changes how arguments are passed, not what is done.
		p.ruleBehind(ipcNr, n, r.verdict)
		p.ruleBehind(ipcNr, 1<<16|n, r.verdict)
	}
}

func (p *policy) ruleBehind(nr, number, verdict uint32) {
	i := slices.IndexFunc(p.behind, func(s span) bool { return s.from == nr })
	if i < 0 {
		i = len(p.behind)
		p.behind = append(p.behind, span{nr, ruling{verdict: p.otherwise}})
	}
	p.behind[i].rules = append(p.behind[i].rules, rule{[]test{is(0, number)}, verdict})
}

func (p *policy) bit() uint32 {
	if p.abi == x32 {
		return x32Bit
	}
	return 0
}

// spans are the policy as a gapless sequence from its lowest number on, neighbours of one verdict together.
func (p *policy) spans() []span {
	calls := slices.Concat(p.behind, p.calls)
	order := make([]uint64, len(calls)) // by number, then by index
	for i := range calls {
		order[i] = uint64(calls[i].from)<<32 | uint64(i)
	}
	slices.Sort(order)
	list := make([]span, 1, len(calls)+1)
	list[0] = span{p.bit(), ruling{verdict: p.otherwise}}
	put := func(s span) {
		if last := &list[len(list)-1]; last.from == s.from {
			list = list[:len(list)-1]
		}
		if n := len(list); n == 0 || list[n-1].rules != nil || s.rules != nil || list[n-1].verdict != s.verdict {
			list = append(list, s)
		}
	}
	for i, o := range order {
		s := calls[uint32(o)]
		if i+1 < len(order) && order[i+1]>>32 == o>>32 {
			continue
		}
		put(s)
		put(span{s.from + 1, ruling{verdict: p.otherwise}})
	}
	return list
}

// Offsets in struct seccomp_data (seccomp(2)); both architectures are little endian.
const (
	offNr   = 0
	offArch = 4
	offArgs = 16
)

const (
	ld   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jeq  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jge  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	jset = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	ja   = unix.BPF_JMP | unix.BPF_JA
	ret  = unix.BPF_RET | unix.BPF_K
)

type code = []unix.SockFilter

// assemble is the program of all policies; foreign is the verdict on abis without one. amd64 and x32 share an audit number and differ by a
// bit of the call's, so they are one search.
func assemble(policies []policy, foreign uint32) code {
	out := code{{Code: ld, K: offArch}}
	for i := 0; i < len(policies); i++ {
		audit := policies[i].abi.audit()
		spans := policies[i].spans()
		switch {
		case i+1 < len(policies) && policies[i+1].abi == x32:
			i++
			spans = append(spans, policies[i].spans()...)
		case policies[i].abi == amd64:
			// A tracer skips a call by making its number -1.
			spans = append(spans, span{x32Bit, ruling{verdict: foreign}}, span{0xffffffff, ruling{verdict: policies[i].otherwise}})
		}
		out = branch(out, jeq, audit, func(out code) code { return search(append(out, unix.SockFilter{Code: ld, K: offNr}), spans) })
	}
	return append(out, unix.SockFilter{Code: ret, K: foreign})
}

// search finds the span of the number in the accumulator, and appends the code for it.
func search(out code, spans []span) code {
	if len(spans) == 1 {
		return append(out, spans[0].code()...)
	}
	mid := len(spans) / 2
	return search(branch(out, jge, spans[mid].from, func(out code) code { return search(out, spans[mid:]) }), spans[:mid])
}

// branch appends what runs if the comparison holds, and what goes on behind it if not. Conditional jumps reach 255 instructions far only.
func branch(out code, compare uint16, value uint32, then func(code) code) code {
	at := len(out)
	out = then(append(out, unix.SockFilter{Code: compare, Jf: 0, K: value}))
	n := len(out) - at - 1
	if n <= 255 {
		out[at].Jf = uint8(n)
		return out
	}
	out[at].Jt = 1
	return slices.Insert(out, at+1, unix.SockFilter{Code: ja, K: uint32(n)})
}

func (r ruling) code() code {
	var out code
	for _, rule := range r.rules {
		for i, t := range rule.tests {
			compare := uint16(jeq)
			if t.bits {
				compare = jset
			}
			// Past the remaining tests, two instructions each, and the verdict.
			skip := 2*(len(rule.tests)-i-1) + 1
			out = append(out, unix.SockFilter{Code: ld, K: offArgs + 8*uint32(t.arg)}, unix.SockFilter{Code: compare, Jf: uint8(skip), K: t.value})
		}
		out = append(out, unix.SockFilter{Code: ret, K: rule.verdict})
	}
	return append(out, unix.SockFilter{Code: ret, K: r.verdict})
}
