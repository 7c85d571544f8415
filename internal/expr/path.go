package expr

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
)

// Step is one step of a document path: a name or a list index.
type Step struct {
	name  string // the name, or the digits of the index
	index int32  // -1 for a name
}

// Field is the step to the attribute or map member name.
func Field(name string) Step { return Step{name, -1} }

// Index is the step to list element i.
func Index(i int) Step { return Step{strconv.Itoa(i), int32(i)} }

// IsIndex reports whether s is a list index.
func (s Step) IsIndex() bool { return s.index >= 0 }

// Name returns the name, or the digits of the index.
func (s Step) Name() string { return s.name }

// Path is a document path. Its first step is a name.
type Path []Step

// String prints p as error texts do: [l, [0], a].
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		b.WriteString([...]string{"[", ", "}[min(i, 1)])
		if s.IsIndex() {
			b.WriteString("[" + s.name + "]")
		} else {
			b.WriteString(s.name)
		}
	}
	b.WriteByte(']')
	return b.String()
}

// In returns the value at p in item, absent if there is none.
func (p Path) In(item attr.Item) attr.Value {
	v := item.Get(p[0].name)
	for _, s := range p[1:] {
		switch {
		case s.IsIndex() && v.Type() == attr.L:
			v = v.Index(int(s.index))
		case !s.IsIndex() && v.Type() == attr.M:
			v = v.AsItem().Get(s.name)
		default:
			return attr.Value{}
		}
	}
	return v
}

func compareSteps(a, b Step) int {
	if a.IsIndex() || b.IsIndex() {
		return cmp.Compare(a.index, b.index)
	}
	return strings.Compare(a.name, b.name)
}

func comparePaths(a, b Path) int { return slices.CompareFunc(a, b, compareSteps) }

func (p Path) equal(other Path) bool { return comparePaths(p, other) == 0 }

// clash is the relation of two paths in one projection or update.
type clash uint8

const (
	apart    clash = iota
	overlap        // the same, or one leads through the other
	conflict       // they take one value for a list and for a map
)

func clashOf(a, b Path) clash {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i].IsIndex() != b[i].IsIndex():
			return conflict
		case compareSteps(a[i], b[i]) != 0:
			return apart
		}
	}
	return overlap
}

// checkPaths returns a fault if two of the paths overlap, else one if two
// conflict. Of several clashes it names the one that is complete first.
func checkPaths(kind Kind, paths []Path) *ddberr.Fault {
	if len(paths) > 16 && !anyClash(paths) {
		return nil
	}
	var first *ddberr.Fault
	for j := range paths {
		for i := range j {
			switch clashOf(paths[i], paths[j]) {
			case overlap:
				return ddberr.PathsOverlap.Fault(kind.prefix(), paths[i].String(), paths[j].String())
			case conflict:
				if first == nil {
					first = ddberr.PathsConflict.Fault(kind.prefix(), paths[i].String(), paths[j].String())
				}
			}
		}
	}
	return first
}

// anyClash finds out by sorting: paths that clash then stand side by side, or
// have two between them that do.
func anyClash(paths []Path) bool {
	sorted := slices.Clone(paths)
	slices.SortFunc(sorted, comparePaths)
	for i := range len(sorted) - 1 {
		if clashOf(sorted[i], sorted[i+1]) != apart {
			return true
		}
	}
	return false
}

// sortedUnique sorts names in place and drops repeats.
func sortedUnique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
