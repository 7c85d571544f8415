package model

import (
	"encoding/base64"
	"strconv"

	"github.com/statordb/stator/internal/attr"
)

// What follows prints members inside error texts the way the service does:
// as Java prints its generated classes, absent members as null.

func echoString(p *string, dst []byte) []byte { return append(dst, *p...) }

func echoOpt[T any](o *Opt[T], dst []byte, value encoder[T]) []byte {
	if !o.Set {
		return append(dst, "null"...)
	}
	return value(&o.V, dst)
}

func echoPointer[T any](p *T, dst []byte, value encoder[T]) []byte {
	if p == nil {
		return append(dst, "null"...)
	}
	return value(p, dst)
}

func echoList[T any](l []T, dst []byte, elem encoder[T]) []byte {
	if l == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '[')
	for i := range l {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = elem(&l[i], dst)
	}
	return append(dst, ']')
}

func echoEntries[V any](m []Entry[V], dst []byte, value encoder[V]) []byte {
	if m == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '{')
	for i := range m {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(append(dst, m[i].Key...), '=')
		dst = value(&m[i].Value, dst)
	}
	return append(dst, '}')
}

func echoInputItem(p *attr.InputItem, dst []byte) []byte {
	if !p.Given {
		return append(dst, "null"...)
	}
	return echoItem(p.Item, dst)
}

func echoInputValue(p *attr.InputValue, dst []byte) []byte { return echoValue(p.Value, dst) }

func echoItem(it attr.Item, dst []byte) []byte {
	dst = append(dst, '{')
	first := true
	for name, v := range it.All() {
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst = append(append(dst, name...), '=')
		dst = echoValue(v, dst)
	}
	return append(dst, '}')
}

// valueMembers are the members of an attribute value in the service's order.
var valueMembers = [...]struct {
	t    attr.Type
	name string
}{
	{attr.S, "s"}, {attr.N, "n"}, {attr.B, "b"}, {attr.SS, "sS"}, {attr.NS, "nS"}, {attr.BS, "bS"},
	{attr.M, "m"}, {attr.L, "l"}, {attr.NULL, "nULL"}, {attr.BOOL, "bOOL"},
}

func echoValue(v attr.Value, dst []byte) []byte {
	dst = append(dst, "AttributeValue("...)
	for i, m := range valueMembers {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(append(dst, m.name...), '=')
		if v.Type() == m.t {
			dst = echoContent(v, dst)
		} else {
			dst = append(dst, "null"...)
		}
	}
	return append(dst, ')')
}

func echoContent(v attr.Value, dst []byte) []byte {
	switch v.Type() {
	case attr.S:
		return append(dst, v.Bytes()...)
	case attr.B:
		return base64.StdEncoding.AppendEncode(dst, v.Bytes())
	case attr.N:
		return attr.AppendNumber(dst, v)
	case attr.NULL:
		return append(dst, "true"...)
	case attr.BOOL:
		return strconv.AppendBool(dst, v.Bool())
	case attr.M:
		return echoItem(v.AsItem(), dst)
	}
	return echoElems(v, dst)
}

func echoElems(v attr.Value, dst []byte) []byte {
	dst = append(dst, '[')
	i := 0
	for e := range v.Elems() {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		i++
		if v.Type() == attr.L {
			dst = echoValue(e, dst)
		} else {
			dst = echoContent(e, dst)
		}
	}
	return append(dst, ']')
}
