package partiql

import (
	"slices"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
)

// Projection is the columns of a SELECT.
type Projection struct {
	columns []column
	names   []string         // the top-level attributes, in written order
	plain   *expr.Projection // if every column is a top-level attribute, else nil
}

// column is one of them. The value at a nested path becomes an attribute of
// the result, under the last name of the path.
type column struct {
	path expr.Path
	name string // in the result
	bad  *span  // where it is no path, or nil
}

func newProjection(columns []column) *Projection {
	p := &Projection{columns: columns}
	nested := false
	for _, c := range columns {
		if c.bad != nil {
			return p
		}
		if name := c.path[0].Name(); !slices.Contains(p.names, name) {
			p.names = append(p.names, name)
		}
		nested = nested || len(c.path) > 1
	}
	if !nested {
		p.plain = expr.ProjectNames(p.names)
	}
	return p
}

// check returns the fault of a column that is no path.
func (p *Projection) check(text string) *ddberr.Fault {
	if p == nil {
		return nil
	}
	for _, c := range p.columns {
		if c.bad != nil {
			return ddberr.StatementColumn.Fault(position(text, *c.bad))
		}
		if f := checkPath(c.path); f != nil {
			return f
		}
	}
	return nil
}

// Names returns the top-level attributes that p uses, in written order. It
// must not be modified.
func (p *Projection) Names() []string {
	if p == nil {
		return nil
	}
	return p.names
}

// Apply returns the columns that item has; a nil Projection is the whole item.
func (p *Projection) Apply(item attr.Item) attr.Item {
	switch {
	case p == nil:
		return item
	case p.plain != nil:
		return p.plain.Apply(item)
	}
	var attrs []attr.Attribute
	for _, c := range p.columns {
		attrs = append(attrs, attr.Attribute{Name: c.name, Value: c.path.In(item)})
	}
	return attr.NewItem(attrs...)
}

// maxPath is the number of steps that a document path may have.
const maxPath = 32

func checkPath(path expr.Path) *ddberr.Fault {
	if len(path) > maxPath {
		return ddberr.PathTooDeep.Fault("", len(path))
	}
	return nil
}
