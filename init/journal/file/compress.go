package file

import (
	"errors"

	"github.com/klauspost/compress/zstd"
)

// largestData is DATA_SIZE_MAX of journald: no field is longer when decompressed.
const largestData = 768 << 20

var (
	errXZ   = errors.New("xz compression is not supported: systemd has written zstd since 246")
	errBoth = errors.New("two compressions of one object")
)

// decompress reads a payload into the Reader's buffer.
func (r *Reader) decompress(flags byte, payload []byte) (out []byte, err error) {
	switch flags {
	case compressedZSTD:
		if r.zstd == nil {
			r.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(largestData), zstd.WithDecoderLowmem(true))
			if err != nil {
				return nil, err
			}
		}
		return r.zstd.DecodeAll(payload, r.buf[:0])
	case compressedLZ4:
		return unlz4(r.buf[:0], payload)
	case compressedXZ:
		return nil, errXZ
	}
	return nil, errBoth
}

var errLZ4 = errors.New("lz4 data is corrupt")

// unlz4 reads journald's form of LZ4: the size in 64 bits, and one block (https://github.com/lz4/lz4, doc/lz4_Block_format.md).
func unlz4(out, in []byte) ([]byte, error) {
	if len(in) < 9 {
		return nil, errLZ4
	}
	size := le.Uint64(in)
	in = in[8:]
	if size > largestData || size/255 > uint64(len(in)) {
		return nil, errLZ4
	}
	length := func(n int) (int, bool) { // a nibble of 15 goes on in bytes of 255 and one less
		if n != 15 {
			return n, true
		}
		for {
			if len(in) == 0 || n > largestData {
				return 0, false
			}
			b := in[0]
			in = in[1:]
			n += int(b)
			if b != 255 {
				return n, true
			}
		}
	}
	for len(in) > 0 {
		token := int(in[0])
		in = in[1:]
		n, ok := length(token >> 4)
		if !ok || n > len(in) || uint64(len(out)+n) > size {
			return nil, errLZ4
		}
		out, in = append(out, in[:n]...), in[n:]
		if len(in) == 0 {
			break
		}
		if len(in) < 2 {
			return nil, errLZ4
		}
		back := int(le.Uint16(in))
		in = in[2:]
		n, ok = length(token & 15)
		n += 4
		if !ok || back == 0 || back > len(out) || uint64(len(out)+n) > size {
			return nil, errLZ4
		}
		for ; n > 0; n-- {
			out = append(out, out[len(out)-back])
		}
	}
	if uint64(len(out)) != size {
		return nil, errLZ4
	}
	return out, nil
}
