package expr

import (
	"slices"
	"strconv"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// KeyTest is the condition on one key attribute.
type KeyTest struct {
	Name   string
	Op     Op         // all but NotEqual
	Lo, Hi attr.Value // Hi of InRange
}

// KeyCondition is a key condition expression.
type KeyCondition struct{ tests []KeyTest } // in written order, names differ

// NewKeyCondition returns the condition that all tests hold; their names
// differ.
func NewKeyCondition(tests ...KeyTest) *KeyCondition { return &KeyCondition{tests} }

// Names returns the attributes that kc tests, in written order.
func (kc *KeyCondition) Names() []string {
	names := make([]string, len(kc.tests))
	for i := range kc.tests {
		names[i] = kc.tests[i].Name
	}
	return names
}

// newKeyCondition checks the structure of a checked condition: an AND of
// tests of one attribute each. The first fault in written order wins.
func newKeyCondition(root *Node) (*KeyCondition, *ddberr.Fault) {
	kc := &KeyCondition{tests: make([]KeyTest, 0, 2)}
	if f := kc.walk(root); f != nil {
		return nil, f
	}
	return kc, nil
}

func (kc *KeyCondition) walk(n *Node) *ddberr.Fault {
	if n.kind == nodeAnd {
		for c := n.first; c != nil; c = c.next {
			if f := kc.walk(c); f != nil {
				return f
			}
		}
		return nil
	}
	op, f := keyOperator(n)
	if f != nil {
		return f
	}
	at, f := keyOperand(n, op)
	if f != nil {
		return f
	}
	name := at.path[0].name
	if slices.ContainsFunc(kc.tests, func(t KeyTest) bool { return t.Name == name }) {
		return ddberr.KeyRepeated.Fault()
	}
	test := KeyTest{Name: name, Op: op, Lo: n.first.next.value}
	switch {
	case at != n.first:
		test.Op, test.Lo = op.Flipped(), n.first.value
	case op == InRange:
		test.Hi = n.first.next.next.value
	}
	kc.tests = append(kc.tests, test)
	return nil
}

// keyOperator returns the operator of n if a key condition may have it.
func keyOperator(n *Node) (Op, *ddberr.Fault) {
	name := ""
	switch n.kind {
	case nodeOr:
		name = "OR"
	case nodeNot:
		name = "NOT"
	case nodeIn:
		name = "IN"
	case nodeBetween:
		return InRange, nil
	case nodeCompare:
		if n.op != NotEqual {
			return n.op, nil
		}
		name = n.op.String()
	case nodeCall:
		if name = n.fn.name; name == BeginsWith.String() {
			return BeginsWith, nil
		}
	}
	return None, ddberr.KeyOperator.Fault(name)
}

// keyOperand returns the one operand of n that is an attribute.
func keyOperand(n *Node, op Op) (at *Node, f *ddberr.Fault) {
	if (op == InRange || op == BeginsWith) && n.first.kind != nodePath {
		return nil, ddberr.KeyFirstOperand.Fault(op.String())
	}
	for o := n.first; o != nil; o = o.next {
		switch {
		case o.kind == nodeValue:
		case o.kind == nodeCall:
			return nil, ddberr.KeyNestedOperation.Fault()
		case at != nil:
			return nil, ddberr.KeyManyNames.Fault()
		case len(o.path) > 1:
			return nil, ddberr.KeyNestedPath.Fault()
		default:
			at = o
		}
	}
	if at == nil {
		return nil, ddberr.KeyNoName.Fault()
	}
	return at, nil
}

// KeyAttr is an attribute of a key schema.
type KeyAttr struct {
	Name string
	Type attr.Type
}

// KeyRange is what a key condition selects of a table or index: items with
// the Hash values whose first sort attributes equal Sort and of which the
// next one passes Op.
type KeyRange struct {
	Hash []attr.Value // one for each hash attribute
	Sort []attr.Value // of the leading sort attributes
	Op   Op           // None, Less to GreaterOrEqual, InRange or BeginsWith
	Lo   attr.Value   // the operand of Op
	Hi   attr.Value   // the upper bound of InRange
}

// Bind puts kc to the key schema of what is queried: all hash attributes must
// be tested for equality, then sort attributes from the left without gaps,
// the last by any operator (developer guide, Multi-attribute keys).
func (kc *KeyCondition) Bind(hash, sort []KeyAttr) (KeyRange, *ddberr.Fault) {
	if f := kc.checkCount(hash, sort); f != nil {
		return KeyRange{}, f
	}
	if f := kc.checkNames(hash, sort); f != nil {
		return KeyRange{}, f
	}
	for i := range kc.tests {
		if f := kc.tests[i].check(hash, sort); f != nil {
			return KeyRange{}, f
		}
	}
	r := KeyRange{Hash: make([]attr.Value, len(hash), len(hash)+len(sort))}
	for i, a := range hash {
		r.Hash[i] = kc.test(a.Name).Lo
	}
	r.Sort = r.Hash[len(hash):]
	f := kc.bindSort(&r, sort)
	return r, f
}

func (kc *KeyCondition) test(name string) *KeyTest {
	for i := range kc.tests {
		if kc.tests[i].Name == name {
			return &kc.tests[i]
		}
	}
	return nil
}

func (kc *KeyCondition) checkCount(hash, sort []KeyAttr) *ddberr.Fault {
	text := &ddberr.KeyCount
	switch keys := len(hash) + len(sort); {
	case len(kc.tests) <= keys:
		return nil
	case len(kc.tests) == 2:
		text = &ddberr.KeyCountHashOnly
		fallthrough
	default:
		return text.Fault(strconv.Itoa(len(kc.tests)), strconv.Itoa(keys))
	}
}

// checkNames wants all hash attributes and no attribute outside the schema.
func (kc *KeyCondition) checkNames(hash, sort []KeyAttr) *ddberr.Fault {
	known := 0
	for _, a := range hash {
		if kc.test(a.Name) == nil {
			return ddberr.KeyMissing.Fault(a.Name)
		}
		known++
	}
	missing := ""
	for _, a := range sort {
		if kc.test(a.Name) != nil {
			known++
		} else if missing == "" {
			missing = a.Name
		}
	}
	if known < len(kc.tests) {
		return ddberr.KeyMissing.Fault(missing)
	}
	return nil
}

// check checks the operands of t against the schema.
func (t *KeyTest) check(hash, sort []KeyAttr) *ddberr.Fault {
	named := func(a KeyAttr) bool { return a.Name == t.Name }
	at := slices.IndexFunc(hash, named)
	isHash := at >= 0
	schema := hash
	if !isHash {
		schema, at = sort, slices.IndexFunc(sort, named)
	}
	for _, v := range [...]attr.Value{t.Lo, t.Hi} {
		switch {
		case v.IsZero():
		case v.Type() != schema[at].Type:
			return ddberr.KeyConditionType.Fault()
		case v.Type() == attr.S && len(v.Bytes()) == 0:
			return ddberr.KeyValueEmpty.Fault("string", t.Name)
		case v.Type() == attr.B && len(v.Bytes()) == 0:
			return ddberr.KeyValueEmpty.Fault("binary", t.Name)
		}
	}
	if isHash && t.Op != Equal {
		return ddberr.KeyNotSupported.Fault()
	}
	return nil
}

// bindSort fills in what r says of sort attributes.
func (kc *KeyCondition) bindSort(r *KeyRange, sort []KeyAttr) *ddberr.Fault {
	open := "" // the first attribute that is not tested for equality
	for _, a := range sort {
		t := kc.test(a.Name)
		switch {
		case t == nil:
			if open == "" {
				open = a.Name
			}
		case open != "" && r.Op == None:
			return ddberr.KeyMissing.Fault(open)
		case open != "":
			return ddberr.KeyInequalityEarlier.Fault(open, a.Name)
		case t.Op == Equal:
			r.Sort = append(r.Sort, t.Lo)
		default:
			r.Op, r.Lo, r.Hi, open = t.Op, t.Lo, t.Hi, a.Name
		}
	}
	return nil
}
