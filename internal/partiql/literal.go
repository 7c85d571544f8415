package partiql

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// value returns the value of the literal n, whose numbers are exact.
func (b *binder) value(n *node) (attr.Value, *badValue) {
	switch n.kind {
	case nodeValue:
		return n.value, nil
	case nodeParam:
		return b.values[n.param], nil
	case nodeNumber:
		return number(n.name)
	case nodeList:
		return b.list(n)
	case nodeMap:
		return b.mapping(n)
	case nodeBag:
		return b.bag(n)
	}
	name := n.name
	if name == "" {
		name = b.statement.text[n.span.start:n.span.end]
	}
	return attr.Value{}, &badValue{fault: func(path string) *ddberr.Fault {
		return ddberr.StatementValueKind.Fault(name, path, position(b.statement.text, n.span))
	}}
}

func number(text string) (attr.Value, *badValue) {
	v, f := attr.ParseNumber(text)
	if f == nil {
		return v, nil
	}
	return v, &badValue{fault: func(path string) *ddberr.Fault {
		return ddberr.StatementValue.Fault(f.Render(ddberr.Bare), path)
	}}
}

func (b *binder) list(n *node) (attr.Value, *badValue) {
	elems := make([]attr.Value, len(n.kids))
	for i, kid := range n.kids {
		var bad *badValue
		if elems[i], bad = b.value(kid); bad != nil {
			return attr.Value{}, bad.under("[" + strconv.Itoa(i) + "]")
		}
	}
	return attr.List(elems...), nil
}

func (b *binder) mapping(n *node) (attr.Value, *badValue) {
	members := make([]attr.Attribute, len(n.kids))
	for i, kid := range n.kids {
		v, bad := b.value(kid)
		switch name := n.names[i]; {
		case bad != nil:
			return v, bad.under("." + name)
		case name == "":
			return v, plain(ddberr.AttributeNameEmpty.Fault())
		default:
			members[i] = attr.Attribute{Name: name, Value: v}
		}
	}
	return attr.Map(members...), nil
}

// bag returns a set.
func (b *binder) bag(n *node) (attr.Value, *badValue) {
	if len(n.kids) == 0 {
		return attr.Value{}, plain(ddberr.StatementBagEmpty.Fault())
	}
	elems := make([]attr.Value, len(n.kids))
	texts := make([]string, len(n.kids))
	for i, kid := range n.kids {
		v, bad := b.value(kid)
		if bad != nil {
			return v, bad.under("[" + strconv.Itoa(i) + "]")
		}
		if v.Type().SetOf() == attr.Absent || i > 0 && v.Type() != elems[0].Type() {
			return v, plain(ddberr.StatementBagMixed.Fault())
		}
		elems[i], texts[i] = v, elementText(v)
	}
	set := attr.Set(elems[0].Type().SetOf(), elems)
	if set.Len() < len(n.kids) {
		return set, plain(duplicates(set.Type(), strings.Join(texts, ", ")))
	}
	return set, nil
}

func elementText(v attr.Value) string {
	switch v.Type() {
	case attr.N:
		return v.NumberText()
	case attr.B:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	return string(v.Bytes())
}

// duplicates is the fault of a set with repeated elements, in the wording that
// tells them as sent.
func duplicates(t attr.Type, sent string) *ddberr.Fault {
	switch t {
	case attr.NS:
		return ddberr.NumberSetDuplicate.Fault()
	case attr.BS:
		return ddberr.BinarySetDuplicate.Fault(sent, sent)
	}
	return ddberr.StringSetDuplicate.Fault(sent, sent)
}
