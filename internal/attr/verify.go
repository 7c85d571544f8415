package attr

import (
	"encoding/binary"
	"errors"
)

var errStored = errors.New("attr: damaged stored encoding")

// Verify reports an error unless enc is the stored encoding of an item:
// well-formed, in canonical order, at most MaxDepth levels deep. Every other
// function of the package may be used on what passed.
func Verify(enc []byte) error { return verifyMembers(enc, MaxDepth) }

func verifyMembers(enc []byte, depth int) error {
	var last []byte
	for first := true; len(enc) > 0; first = false {
		n, w := binary.Uvarint(enc)
		if w <= 0 || n == 0 || n > uint64(len(enc)-w) || w > 1 && enc[w-1] == 0 {
			return errStored
		}
		name := enc[w : w+int(n)]
		if !first && view(last) >= view(name) {
			return errStored
		}
		rest, err := verifyValue(enc[w+int(n):], depth)
		if err != nil {
			return err
		}
		last, enc = name, rest
	}
	return nil
}

// verifyValue checks the value that enc starts with and returns what follows.
func verifyValue(enc []byte, depth int) (rest []byte, err error) {
	if len(enc) == 0 || depth == 0 {
		return nil, errStored
	}
	switch t := Type(enc[0]); t {
	case S, B:
		n, w := binary.Uvarint(enc[1:])
		if w <= 0 || n > uint64(len(enc)-1-w) || w > 1 && enc[w] == 0 {
			return nil, errStored
		}
		return enc[1+w+int(n):], nil
	case N:
		return verifyNumber(enc[1:])
	case BOOL:
		if len(enc) < 2 || enc[1] > 1 {
			return nil, errStored
		}
		return enc[2:], nil
	case NULL:
		return enc[1:], nil
	case L, M, SS, NS, BS:
		return verifyContainer(t, enc, depth)
	}
	return nil, errStored
}

func verifyContainer(t Type, enc []byte, depth int) (rest []byte, err error) {
	if len(enc) < 5 {
		return nil, errStored
	}
	n := binary.BigEndian.Uint32(enc[1:])
	if uint64(n) > uint64(len(enc)-5) {
		return nil, errStored
	}
	payload, rest := enc[5:5+n], enc[5+n:]
	if t == M {
		return rest, verifyMembers(payload, depth-1)
	}
	var last []byte
	for len(payload) > 0 {
		after, err := verifyValue(payload, depth-1+btoi(t.IsSet()))
		if err != nil {
			return nil, err
		}
		elem := payload[:len(payload)-len(after)]
		if t.IsSet() && (Type(elem[0]) != t.Elem() || last != nil && compareStored(last, elem) >= 0) {
			return nil, errStored
		}
		last, payload = elem, after
	}
	if t.IsSet() && last == nil {
		return nil, errStored
	}
	return rest, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// verifyNumber checks a stored number by decoding and encoding it again.
func verifyNumber(enc []byte) (rest []byte, err error) {
	if len(enc) == 0 {
		return nil, errStored
	}
	n := numberLen(enc)
	if n < 2 || n > 2+maxDigits/2+1 {
		return nil, errStored
	}
	var buf [2 * maxDigits]byte
	d := decodeNumber(enc[:n], buf[:])
	if last := len(d.digits) - 1; last >= maxDigits || last >= 0 && (d.digits[0] == 0 || d.digits[last] == 0) {
		return nil, errStored
	}
	for _, c := range d.digits {
		if c > 9 {
			return nil, errStored
		}
	}
	var again [64]byte
	if view(appendDecimal(again[:0], d)) != view(enc[:n]) {
		return nil, errStored
	}
	return enc[n:], nil
}
