package file

import (
	"math/bits"

	"github.com/dchest/siphash"
)

// hashKeyed is SipHash-2-4 under a file's ID.
func hashKeyed(id *ID, data []byte) uint64 {
	return siphash.Hash(le.Uint64(id[:8]), le.Uint64(id[8:]), data)
}

// HashJenkins is Bob Jenkins' lookup3 (public domain, 2006), both halves joined: the hash of files without keys and, xor-ed over an
// entry's data, part of every cursor.
func HashJenkins(data []byte) uint64 {
	a := 0xdeadbeef + uint32(len(data))
	b, c := a, a
	for len(data) > 12 {
		a += le.Uint32(data)
		b += le.Uint32(data[4:])
		c += le.Uint32(data[8:])
		a = (a - c) ^ bits.RotateLeft32(c, 4)
		c += b
		b = (b - a) ^ bits.RotateLeft32(a, 6)
		a += c
		c = (c - b) ^ bits.RotateLeft32(b, 8)
		b += a
		a = (a - c) ^ bits.RotateLeft32(c, 16)
		c += b
		b = (b - a) ^ bits.RotateLeft32(a, 19)
		a += c
		c = (c - b) ^ bits.RotateLeft32(b, 4)
		b += a
		data = data[12:]
	}
	if len(data) > 0 {
		var last [12]byte
		copy(last[:], data)
		a += le.Uint32(last[:])
		b += le.Uint32(last[4:])
		c += le.Uint32(last[8:])
		c = (c ^ b) - bits.RotateLeft32(b, 14)
		a = (a ^ c) - bits.RotateLeft32(c, 11)
		b = (b ^ a) - bits.RotateLeft32(a, 25)
		c = (c ^ b) - bits.RotateLeft32(b, 16)
		a = (a ^ c) - bits.RotateLeft32(c, 4)
		b = (b ^ a) - bits.RotateLeft32(a, 14)
		c = (c ^ b) - bits.RotateLeft32(b, 24)
	}
	return uint64(c)<<32 | uint64(b)
}
