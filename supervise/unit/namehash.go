package unit

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strings"
)

// A unit name made from a long path ends in "_", sixteen hexadecimal digits and the type (unit_name_hash_long in
// src/basic/unit-name.c). The digits are SipHash-2-4 (Aumasson and Bernstein, 2012) of the whole long name with its
// NUL, under this key.
const (
	nameHashKey0 = 0x324a3258fb37f2ec
	nameHashKey1 = 0x9aeb210d9b069f84
	nameHashLen  = 16
)

// hashedName shortens a name that is longer than nameMax.
func hashedName(name string, t Type) string {
	var h [8]byte
	binary.LittleEndian.PutUint64(h[:], sipHash(nameHashKey0, nameHashKey1, append([]byte(name), 0)))
	keep := nameMax - len(t.String()) - nameHashLen - 2
	return name[:keep] + "_" + hex.EncodeToString(h[:]) + t.Suffix()
}

func isHashed(name string) bool {
	s, _, ok := strings.Cut(name, ".")
	if !ok || len(s) < nameHashLen+1 || s[len(s)-nameHashLen-1] != '_' {
		return false
	}
	return strings.Trim(s[len(s)-nameHashLen:], "0123456789abcdef") == ""
}

func sipHash(k0, k1 uint64, data []byte) uint64 {
	v := [4]uint64{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
	rounds := func(n int) {
		for range n {
			v[0] += v[1]
			v[2] += v[3]
			v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
			v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
			v[0] = bits.RotateLeft64(v[0], 32)
			v[2] += v[1]
			v[0] += v[3]
			v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
			v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
			v[2] = bits.RotateLeft64(v[2], 32)
		}
	}
	word := func(m uint64) {
		v[3] ^= m
		rounds(2)
		v[0] ^= m
	}
	size := len(data)
	for ; len(data) >= 8; data = data[8:] {
		word(binary.LittleEndian.Uint64(data))
	}
	last := uint64(size) << 56
	for i, b := range data {
		last |= uint64(b) << (8 * i)
	}
	word(last)
	v[2] ^= 0xff
	rounds(4)
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}
