package spawn

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"keelson/init/early"
)

// Encode lays a list out as the exec stage maps it: header, steps, data. Addresses in it hold because it is mapped at early.Base.
func Encode(list []Call) ([]byte, error) {
	const headerSize, stepSize = int(unsafe.Sizeof(early.Header{})), int(unsafe.Sizeof(early.Step{}))
	if len(list) == 0 || len(list) > 1<<16-1 {
		return nil, fmt.Errorf("cannot encode a list of %d calls", len(list))
	}
	image := make([]byte, headerSize+len(list)*stepSize)
	order := binary.NativeEndian
	order.PutUint64(image, early.ListMagic)
	order.PutUint64(image[8:], uint64(len(list)))

	placed := map[*Data]int{}
	var place func(d *Data) uint64
	place = func(d *Data) uint64 {
		at, ok := placed[d]
		if !ok {
			for len(image)%8 != 0 {
				image = append(image, 0)
			}
			at = len(image)
			placed[d] = at
			image = append(image, d.bytes...)
			for _, p := range d.points {
				address := place(p.to)
				order.PutUint64(image[at+p.at:], address)
			}
		}
		return early.Base + uint64(at)
	}
	for i, c := range list {
		var step early.Step
		step.Nr, step.Flags, step.Exit = c.Nr, c.flag, c.Exit
		if step.Exit == 0 && !c.zero {
			step.Exit = failed
		}
		if len(c.Args) > len(step.Args) || c.after > 0 && len(c.Args) == len(step.Args) {
			return nil, fmt.Errorf("cannot encode %s: more than %d arguments", c, len(step.Args))
		}
		if c.after > i {
			return nil, fmt.Errorf("cannot encode %s: it comes after a later call", c)
		}
		step.From[len(step.From)-1] = uint16(c.after) // no call looks at that argument
		for j, a := range c.Args {
			switch {
			case a.from > i:
				return nil, fmt.Errorf("cannot encode %s: it wants the result of a later call", c)
			case a.from > 0:
				step.From[j] = uint16(a.from)
			case a.data != nil:
				step.Args[j] = place(a.data) + uint64(a.offset)
			default:
				step.Args[j] = a.word
			}
		}
		raw := (*[unsafe.Sizeof(step)]byte)(unsafe.Pointer(&step))
		copy(image[headerSize+i*stepSize:], raw[:])
	}
	return image, nil
}

// failed is the exit status of a child whose list failed, where the call has none of its own.
const failed = 125
