// Package expr is DynamoDB's expressions: condition, filter, key condition,
// projection and update. It lexes, parses, binds, checks and evaluates them;
// it is pure.
//
// Parse takes everything of a request that concerns expressions and holds the
// order in which faults win. What needs the key schema (CheckKeys,
// FilterKeyFault, KeyCondition.Bind) or an item (Condition.Eval,
// Projection.Apply, Update.Apply) is a method of the result. The constructors
// in node.go build the same conditions and updates without text, for the
// legacy parameters and PartiQL.
//
// Everything is bounded: the text of an expression by maxSize, which bounds
// the depth of recursion too, and its operators by MaxOperators. Results are
// immutable and safe for concurrent use; they share the memory of the request.
package expr

import (
	"strconv"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// Limits of conditions, also of those in legacy parameters. (Developer guide,
// Quotas: expression parameters.)
const (
	MaxOperators  = 300
	MaxInOperands = 100
)

const (
	maxSize         = 4096
	maxPathDepth    = 32
	maxPlaceholder  = 255
	maxPlaceholders = 2 << 20
)

// Kind is one of the parameters that hold an expression.
type Kind uint8

// The kinds, in the order in which a request's expressions are read.
const (
	KindUpdate Kind = iota
	KindCondition
	KindKeyCondition
	KindFilter
	KindProjection
	kindStatement // no parameter: conditions and updates of PartiQL statements
)

var kindNames = [...]string{"UpdateExpression", "ConditionExpression", "KeyConditionExpression", "FilterExpression", "ProjectionExpression"}

// String returns the name of the parameter: "UpdateExpression".
func (k Kind) String() string { return kindNames[k] }

// prefix returns what the texts of faults in the parameter begin with.
func (k Kind) prefix() string {
	if k == kindStatement {
		return ""
	}
	return "Invalid " + k.String() + ": "
}

// Name is a member of ExpressionAttributeNames.
type Name struct{ Key, Value string } // "#n", "name"

// Request is everything of a request that concerns expressions.
type Request struct {
	// Names is ExpressionAttributeNames in sending order, with unique keys.
	Names      []Name
	NamesGiven bool           // the member was present and not null
	Values     attr.InputItem // ExpressionAttributeValues

	// The expressions; nil is absent.
	Update, Condition, KeyCondition, Filter, Projection *string

	// Takes lists the parameters that the operation has, for the older text
	// on values without an expression: UpdateItem takes update and condition,
	// Query filter and key condition, Scan filter.
	Takes []Kind
}

// Parsed is the expressions of a request, nil where it had none.
type Parsed struct {
	Update       *Update
	Condition    *Condition
	KeyCondition *KeyCondition
	Filter       *Condition
	Projection   *Projection
}

// Parse reads the expressions of r. Faults win in this order, seen at the
// service: placeholders without expression, empty maps, names, values; the
// expressions in the order of Kind, each size, syntax, meaning; placeholders
// that nothing uses; the structure of the key condition.
func Parse(r Request) (*Parsed, *ddberr.Fault) {
	if f := r.checkPlaceholders(); f != nil {
		return nil, f
	}
	var (
		room  [8]attr.Attribute
		marks [32]bool
	)
	b := newBinder(&r, room[:0], marks[:])
	out := new(Parsed)
	var key *Node
	var f *ddberr.Fault
	if r.Update != nil {
		if out.Update, f = b.update(*r.Update); f != nil {
			return nil, f
		}
	}
	for _, e := range [...]struct {
		kind Kind
		text *string
		out  **Condition
	}{{KindCondition, r.Condition, &out.Condition}, {KindKeyCondition, r.KeyCondition, nil}, {KindFilter, r.Filter, &out.Filter}} {
		if e.text == nil {
			continue
		}
		root, f := b.condition(e.kind, *e.text)
		switch {
		case f != nil:
			return nil, f
		case e.out == nil:
			key = root
		default:
			*e.out = &Condition{root}
		}
	}
	if r.Projection != nil {
		if out.Projection, f = b.projection(*r.Projection); f != nil {
			return nil, f
		}
	}
	if f := b.unused(); f != nil {
		return nil, f
	}
	if key != nil {
		if out.KeyCondition, f = newKeyCondition(key); f != nil {
			return nil, f
		}
	}
	return out, nil
}

// checkPlaceholders checks what can be said of names and values before any
// expression is read.
func (r *Request) checkPlaceholders() *ddberr.Fault {
	withValues := r.Update != nil || r.Condition != nil || r.KeyCondition != nil || r.Filter != nil
	switch {
	case r.NamesGiven && !withValues && r.Projection == nil:
		return ddberr.NamesWithoutExpression.Fault()
	case r.Values.Given && !withValues:
		return ddberr.ValuesWithoutExpression.Fault(r.missing())
	case r.NamesGiven && len(r.Names) == 0:
		return ddberr.NamesEmpty.Fault()
	}
	if f := r.checkNames(); f != nil {
		return f
	}
	switch {
	case !r.Values.Given:
		return nil
	case r.Values.Fault != nil:
		f := *r.Values.Fault
		f.Placeholder = r.Values.At
		return &f
	case r.Values.Item.IsEmpty():
		return ddberr.ValuesEmpty.Fault()
	}
	return r.checkValues()
}

// missing returns the older text's list of absent expressions:
// ": ConditionExpression is null".
func (r *Request) missing() string {
	names := make([]string, len(r.Takes))
	for i, k := range r.Takes {
		names[i] = k.String()
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return ": " + names[0] + " is null"
	}
	return ": " + strings.Join(names, " and ") + " are null"
}

func (r *Request) checkNames() *ddberr.Fault {
	size := 0
	for _, n := range r.Names {
		if f := checkPlaceholder("ExpressionAttributeNames", '#', n.Key); f != nil {
			return f
		}
		if f := attr.CheckName(n.Value); f != nil {
			return ddberr.NameOfPlaceholder.Fault(f, n.Key)
		}
		size += len(n.Key) + len(n.Value)
	}
	if size > maxPlaceholders {
		return ddberr.PlaceholdersLarge.Fault("ExpressionAttributeNames", maxPlaceholders)
	}
	return nil
}

func (r *Request) checkValues() *ddberr.Fault {
	for name := range r.Values.Item.All() {
		if f := checkPlaceholder("ExpressionAttributeValues", ':', name); f != nil {
			return f
		}
	}
	if len(r.Values.Item.Stored()) > maxPlaceholders && r.Values.Item.Size() > maxPlaceholders {
		return ddberr.PlaceholdersLarge.Fault("ExpressionAttributeValues", maxPlaceholders)
	}
	return nil
}

func checkPlaceholder(parameter string, mark byte, key string) *ddberr.Fault {
	if len(key) > maxPlaceholder {
		return ddberr.PlaceholderLong.Fault(parameter, len(key))
	}
	ok := len(key) > 1 && key[0] == mark
	for i := 1; ok && i < len(key); i++ {
		ok = isWord(key[i])
	}
	if !ok {
		return ddberr.PlaceholderSyntax.Fault(parameter, key)
	}
	return nil
}

// checkSize checks the length of the text of an expression.
func checkSize(kind Kind, text string) *ddberr.Fault {
	switch {
	case text == "":
		return ddberr.ExpressionEmpty.Fault(kind.prefix())
	case len(text) <= maxSize:
		return nil
	case kind == KindUpdate:
		return ddberr.UpdateLong.Fault(kind.prefix(), strconv.Itoa(len(text)))
	}
	return ddberr.ExpressionLong.Fault(kind.prefix(), strconv.Itoa(len(text)))
}

// Names returns the top-level attributes that p uses, to read or to change them,
// sorted.
func (p *Parsed) Names() []string {
	names := p.Condition.Names()
	names = append(names, p.Filter.Names()...)
	if p.Update != nil {
		names = append(names, p.Update.used()...)
	}
	if p.KeyCondition != nil {
		names = append(names, p.KeyCondition.Names()...)
	}
	if p.Projection != nil {
		names = append(names, p.Projection.Names()...)
	}
	return sortedUnique(names)
}
