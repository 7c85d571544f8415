package attr

import "bytes"

// Key encoding: bytes.Compare of two encoded values of one type (S, N, B) is
// DynamoDB's order, and an encoded value is no prefix of another, so that
// encodings can be put one behind the other.
//
//	S, B  the bytes, 0x00 written as 0x00 0xFF, then 0x00 0x01
//	N     the stored number

// AppendKey appends the key encoding of the S, N or B v.
func AppendKey(dst []byte, v Value) []byte {
	if v.Type() == N {
		return append(dst, v.enc[1:]...)
	}
	return append(AppendKeyPrefix(dst, v), 0x00, 0x01)
}

// AppendKeyPrefix appends what the key encodings of all values that begin
// with the S or B v have in common.
func AppendKeyPrefix(dst []byte, v Value) []byte {
	rest := v.Bytes()
	for {
		i := bytes.IndexByte(rest, 0)
		if i < 0 {
			return append(dst, rest...)
		}
		dst = append(dst, rest[:i]...)
		dst = append(dst, 0x00, 0xFF)
		rest = rest[i+1:]
	}
}
