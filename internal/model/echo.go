package model

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/statordb/stator/internal/attr"
)

// What follows prints members inside error texts the way the service does:
// as Java prints its generated classes, absent members as null. What would
// make a text longer than maxEcho is left out, and an ellipsis stands for it.

const (
	maxEcho     = 4 << 10 // bytes, about
	maxEchoText = 1 << 10 // of one string
)

const ellipsis = "…"

// full appends an ellipsis and returns true if there is no room for more.
func full(dst *[]byte) bool {
	if len(*dst) < maxEcho {
		return false
	}
	*dst = append(*dst, ellipsis...)
	return true
}

// appendCut appends s, or the beginning of a long one.
func appendCut(dst []byte, s string, most int) []byte {
	if len(s) <= most {
		return append(dst, s...)
	}
	for !utf8.RuneStart(s[most]) {
		most--
	}
	return append(append(dst, s[:most]...), ellipsis...)
}

func echoString(p *string, dst []byte) []byte { return appendCut(dst, *p, maxEchoText) }

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
		if full(&dst) {
			break
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
		if full(&dst) {
			break
		}
		dst = append(appendCut(dst, m[i].Key, maxEchoText), '=')
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
		if full(&dst) {
			break
		}
		dst = append(appendCut(dst, name, maxEchoText), '=')
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
		return appendCut(dst, v.Str(), maxEchoText)
	case attr.B:
		return appendCut(dst, base64.StdEncoding.EncodeToString(v.Bytes()), maxEchoText)
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
		if full(&dst) {
			break
		}
		if v.Type() == attr.L {
			dst = echoValue(e, dst)
		} else {
			dst = echoContent(e, dst)
		}
	}
	return append(dst, ']')
}
