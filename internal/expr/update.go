package expr

import (
	"slices"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// Verb is what an action of an update does.
type Verb uint8

// The verbs.
const (
	Set    Verb = iota // to the value of a node
	Remove             // attribute, member or element
	Add                // a number to a number, elements to a set
	Delete             // elements of a set
)

var verbNames = [...]string{"SET", "REMOVE", "ADD", "DELETE"}

// String returns the keyword of v.
func (v Verb) String() string { return verbNames[v] }

// Action is one change that an update makes.
type Action struct {
	Verb  Verb
	Path  Path
	Value *Node // of Set, Add and Delete: for the latter a literal
	// section counts the sections of the text.
	section uint8
}

// Update is an update expression.
type Update struct {
	actions []Action
	nested  bool // some path is not top-level
	legacy  bool
	tree    []branch // of the paths, if nested
}

// NewUpdate returns the update that makes actions, whose paths do not clash.
// Besides what ADD takes in text, it appends a list to a list.
func NewUpdate(actions ...Action) *Update { return newUpdate(actions, false) }

// NewLegacyUpdate is NewUpdate for AttributeUpdates, which words a clash of
// types in its own way.
func NewLegacyUpdate(actions ...Action) *Update { return newUpdate(actions, true) }

func newUpdate(actions []Action, legacy bool) *Update {
	u := &Update{actions: actions, legacy: legacy}
	for i := range actions {
		u.nested = u.nested || len(actions[i].Path) > 1
	}
	if u.nested {
		u.tree = grow(u.paths())
	}
	return u
}

func (u *Update) paths() []Path {
	paths := make([]Path, len(u.actions))
	for i := range u.actions {
		paths[i] = u.actions[i].Path
	}
	return paths
}

// Names returns the top-level attributes that u changes, sorted.
func (u *Update) Names() []string {
	names := make([]string, len(u.actions))
	for i := range u.actions {
		names[i] = u.actions[i].Path[0].name
	}
	return sortedUnique(names)
}

// used returns the top-level attributes that u changes, and those that it reads.
func (u *Update) used() []string {
	names := u.Names()
	for i := range u.actions {
		if v := u.actions[i].Value; v != nil {
			v.eachPath(func(p Path) bool {
				names = append(names, p[0].name)
				return true
			})
		}
	}
	return names
}

// Literals returns the top-level attributes that u sets to a value from the
// request, whatever the item.
func (u *Update) Literals() attr.Item {
	var literals []attr.Attribute
	for i := range u.actions {
		if a := &u.actions[i]; a.Verb == Set && len(a.Path) == 1 && a.Value.kind == nodeValue {
			literals = append(literals, attr.Attribute{Name: a.Path[0].name, Value: a.Value.value})
		}
	}
	return attr.NewItem(literals...)
}

// CreatesItem reports whether u creates an item where none is. It does not if
// it only removes.
func (u *Update) CreatesItem() bool {
	if len(u.actions) == 0 {
		return true
	}
	return slices.ContainsFunc(u.actions, func(a Action) bool { return a.Verb == Set || a.Verb == Add })
}

// CheckKeys returns a fault if u changes one of keys, or if a path of it
// leads into one.
func (u *Update) CheckKeys(keys []string) *ddberr.Fault {
	for i := range u.actions {
		p := u.actions[i].Path
		if len(p) == 1 && slices.Contains(keys, p[0].name) {
			return ddberr.KeyAttributeUpdated.Fault(p[0].name)
		}
	}
	return u.CheckNested("Key", keys)
}

// CheckNested returns a fault if a path of u leads into one of keys. what is
// "Key", or "IndexKey" for the keys of an index.
func (u *Update) CheckNested(what string, keys []string) (f *ddberr.Fault) {
	for i := range u.actions {
		a := &u.actions[i]
		if f = checkKeyPath(a.Path, what, keys); f != nil {
			return f
		}
		if a.Value == nil {
			continue
		}
		a.Value.eachPath(func(p Path) bool {
			f = checkKeyPath(p, what, keys)
			return f == nil
		})
		if f != nil {
			return f
		}
	}
	return nil
}

// Updated returns the part of item that u's paths lead to: with the item
// before the update what ReturnValues UPDATED_OLD returns, with the one after
// it UPDATED_NEW. List indexes count in item, so that an element that moved
// to the place of a removed one is returned, and one that was appended by an
// index beyond the end is not, as at the service.
func (u *Update) Updated(item attr.Item) attr.Item {
	if !u.nested {
		return item.Project(u.Names())
	}
	return projectMembers(item, u.tree)
}

// Charge returns the size in bytes that the service counts for the statement,
// which may not exceed that of an item. Keys are not part of it.
func (u *Update) Charge() int {
	size := 3
	for i := range u.actions {
		a := &u.actions[i]
		size += 1 + a.Path.charge()
		if a.Value != nil && a.Verb != Delete {
			size += 18 + a.Value.charge()
		}
	}
	return size
}

// charge is that of a target path.
func (p Path) charge() int {
	size := len(p[0].name)
	for _, s := range p[1:] {
		size += 4 + len(s.name)
	}
	return size
}

// charge is that of an operand.
func (n *Node) charge() int {
	size := 0
	switch n.kind {
	case nodeValue:
		return n.value.Size()
	case nodePath:
		size = 1
		for _, s := range n.path {
			size += 14 + len(s.name)
		}
		return size
	case nodePlus:
		size = 34
	case nodeMinus:
		size = 37
	case nodeCall:
		size = n.fn.charge
	}
	for o := n.first; o != nil; o = o.next {
		size += o.charge()
	}
	return size
}
