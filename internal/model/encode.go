package model

import (
	"math"
	"strconv"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/wire"
)

// An encoder appends a value as JSON.
type encoder[T any] = func(p *T, dst []byte) []byte

// closeObject finishes an object whose members were appended to dst from
// start, each with a comma before it: the first comma becomes the brace.
func closeObject(dst []byte, start int) []byte {
	if len(dst) == start {
		return append(dst, '{', '}')
	}
	dst[start] = '{'
	return append(dst, '}')
}

func appendList[T any](l []T, dst []byte, elem encoder[T]) []byte {
	dst = append(dst, '[')
	for i := range l {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = elem(&l[i], dst)
	}
	return append(dst, ']')
}

func appendEntries[V any](m []Entry[V], dst []byte, value encoder[V]) []byte {
	start := len(dst)
	for i := range m {
		dst = wire.AppendString(append(dst, ','), m[i].Key)
		dst = value(&m[i].Value, append(dst, ':'))
	}
	return closeObject(dst, start)
}

func appendString(p *string, dst []byte) []byte { return wire.AppendString(dst, *p) }

func appendInt(p *int64, dst []byte) []byte { return strconv.AppendInt(dst, *p, 10) }

func appendBool(p *bool, dst []byte) []byte { return strconv.AppendBool(dst, *p) }

// appendDouble appends a number in decimal form with at least one decimal, as
// the service prints capacity units.
func appendDouble(p *float64, dst []byte) []byte {
	f := *p
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "0.0"...) // JSON has no such numbers; none is ever set
	}
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if f == math.Trunc(f) {
		dst = append(dst, ".0"...)
	}
	return dst
}

func appendInputItem(p *attr.InputItem, dst []byte) []byte { return p.Item.AppendJSON(dst) }

// appendInputValue appends null for a value that was sent as null.
func appendInputValue(p *attr.InputValue, dst []byte) []byte {
	if p.Value.IsZero() {
		return append(dst, "null"...)
	}
	return p.Value.AppendJSON(dst)
}
