package attr

import (
	"encoding/base64"

	"github.com/statordb/stator/internal/wire"
)

// AppendJSON appends v as it stands on the wire: {"S":"…"}.
func (v Value) AppendJSON(dst []byte) []byte {
	t := v.Type()
	dst = append(dst, '{', '"')
	dst = append(dst, typeNames[t]...)
	dst = append(dst, '"', ':')
	switch t {
	case S, N, B:
		dst = v.appendScalar(dst)
	case BOOL:
		dst = appendFlag(dst, v.Bool())
	case NULL:
		dst = appendFlag(dst, true)
	case M:
		dst = v.AsItem().AppendJSON(dst)
	default:
		dst = v.appendElems(dst)
	}
	return append(dst, '}')
}

func (v Value) appendElems(dst []byte) []byte {
	dst = append(dst, '[')
	t := v.Type()
	for rest, first := v.payload(), true; len(rest) > 0; first = false {
		if !first {
			dst = append(dst, ',')
		}
		e := Value{rest[:valueLen(rest)]}
		if t == L {
			dst = e.AppendJSON(dst)
		} else {
			dst = e.appendScalar(dst)
		}
		rest = rest[len(e.enc):]
	}
	return append(dst, ']')
}

func (v Value) appendScalar(dst []byte) []byte {
	switch v.Type() {
	case S:
		return wire.AppendString(dst, v.Bytes())
	case N:
		return append(AppendNumber(append(dst, '"'), v), '"')
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
	return append(dst, '"')
}

func appendFlag(dst []byte, b bool) []byte {
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

// AppendJSON appends it as it stands on the wire: {"name":{"S":"…"},…}.
func (it Item) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	first := true
	for name, v := range it.All() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = wire.AppendString(dst, name)
		dst = append(dst, ':')
		dst = v.AppendJSON(dst)
	}
	return append(dst, '}')
}
