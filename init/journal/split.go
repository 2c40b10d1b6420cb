package journal

import "bytes"

// A lineBreak is why a line of a stream ended (journald-stream.c).
type lineBreak uint8

const (
	breakNewline lineBreak = iota
	breakNUL
	breakMax // the line reached LineMax
	breakEOF
	breakPID // another process went on
)

var breakFields = [...]string{"", "_LINE_BREAK=nul", "_LINE_BREAK=line-max", "_LINE_BREAK=eof", "_LINE_BREAK=pid-change"}

// cutLine takes the first line off data: what ends in a newline or NUL within the first most bytes, or these bytes if there is none. It is not ok if
// the line may go on.
func cutLine(data []byte, most int) (line, rest []byte, why lineBreak, ok bool) {
	head := data[:min(len(data), most)]
	i := bytes.IndexByte(head, '\n')
	if i >= 0 {
		head = head[:i]
	}
	if n := bytes.IndexByte(head, 0); n >= 0 {
		return head[:n], data[n+1:], breakNUL, true
	}
	if i >= 0 {
		return head, data[i+1:], breakNewline, true
	}
	if len(data) >= most {
		return head, data[most:], breakMax, true
	}
	return nil, data, breakNewline, false
}
