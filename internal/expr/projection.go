package expr

import (
	"slices"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// Projection is the paths of a projection expression, as a tree.
type Projection struct {
	names []string // the top-level attributes, sorted
	tree  []branch // nil if all paths are top-level
}

// branch is a step that paths share; without branches of its own a path ends
// there.
type branch struct {
	step     Step
	action   int32    // in an update: which action ends here
	branches []branch // names sorted, or indexes ascending
}

// ProjectNames returns the projection on the top-level attributes names.
func ProjectNames(names []string) *Projection {
	return &Projection{names: sortedUnique(slices.Clone(names))}
}

// ProjectPaths returns the projection on paths, which do not clash.
func ProjectPaths(paths []Path) *Projection {
	pr := new(Projection)
	nested := false
	for _, p := range paths {
		pr.names = append(pr.names, p[0].name)
		nested = nested || len(p) > 1
	}
	pr.names = sortedUnique(pr.names)
	if nested {
		pr.tree = grow(paths)
	}
	return pr
}

// grow makes the tree of paths, which do not clash.
func grow(paths []Path) []branch {
	order := make([]int32, len(paths))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int { return comparePaths(paths[i], paths[j]) })
	var tree []branch
	for _, i := range order {
		level := &tree
		for depth, s := range paths[i] {
			last := len(*level) - 1
			if last < 0 || compareSteps((*level)[last].step, s) != 0 {
				*level = append(*level, branch{step: s, action: -1})
				last++
			}
			if depth == len(paths[i])-1 {
				(*level)[last].action = i
			}
			level = &(*level)[last].branches
		}
	}
	return tree
}

// Names returns the top-level attributes that pr uses, sorted. It must not be
// modified.
func (pr *Projection) Names() []string { return pr.names }

// Apply returns the part of item that pr's paths lead to. The structure is
// kept; the elements of a list move together, in the order of their indexes.
// A nil projection is the whole item.
func (pr *Projection) Apply(item attr.Item) attr.Item {
	switch {
	case pr == nil:
		return item
	case pr.tree == nil:
		return item.Project(pr.names)
	}
	return projectMembers(item, pr.tree)
}

func projectMembers(item attr.Item, branches []branch) attr.Item {
	var members []attr.Attribute
	for i := range branches {
		b := &branches[i]
		if b.step.IsIndex() {
			return attr.Item{}
		}
		if v := b.project(item.Get(b.step.name)); !v.IsZero() {
			members = append(members, attr.Attribute{Name: b.step.name, Value: v})
		}
	}
	return attr.NewItem(members...)
}

// project returns the part of v that the paths through b lead to, absent if
// there is none.
func (b *branch) project(v attr.Value) attr.Value {
	switch {
	case b.branches == nil:
		return v
	case v.Type() == attr.M:
		if part := projectMembers(v.AsItem(), b.branches); !part.IsEmpty() {
			return part.AsMap()
		}
	case v.Type() == attr.L && b.branches[0].step.IsIndex():
		return projectElements(v, b.branches)
	}
	return attr.Value{}
}

func projectElements(v attr.Value, branches []branch) attr.Value {
	var elems []attr.Value
	at := int32(0)
	for e := range v.Elems() {
		if len(branches) == 0 {
			break
		}
		if branches[0].step.index == at {
			if part := branches[0].project(e); !part.IsZero() {
				elems = append(elems, part)
			}
			branches = branches[1:]
		}
		at++
	}
	if elems == nil {
		return attr.Value{}
	}
	return attr.List(elems...)
}

// projection reads and checks a projection: path (',' path)*.
func (b *binder) projection(text string) (*Projection, *ddberr.Fault) {
	if f := checkSize(KindProjection, text); f != nil {
		return nil, f
	}
	var p parser
	p.begin(KindProjection, text)
	paths := []Path{p.path()}
	for p.accept(tokComma) {
		paths = append(paths, p.path())
	}
	if f := p.end(); f != nil {
		return nil, f
	}
	b.kind = KindProjection
	for _, path := range paths {
		if f := b.path(path); f != nil {
			return nil, f
		}
	}
	if f := checkPaths(KindProjection, paths); f != nil {
		return nil, f
	}
	return ProjectPaths(paths), nil
}
