package attr

// MaxItemSize is the largest size of an item, in bytes as Item.Size counts.
const MaxItemSize = 400 << 10

// Size returns the size in bytes that DynamoDB counts for it: names and
// values. (Developer guide, "DynamoDB item sizes and formats".)
func (it Item) Size() int {
	size := 0
	for name, v := range it.All() {
		size += len(name) + v.Size()
	}
	return size
}

// Size returns the size in bytes that DynamoDB counts for v.
func (v Value) Size() int {
	switch v.Type() {
	case Absent:
		return 0
	case S, B:
		return len(v.Bytes())
	case N:
		return numberSize(v.enc[1:])
	case BOOL, NULL:
		return 1
	case M:
		return 3 + v.AsItem().Size() + v.AsItem().Len()
	}
	size, each := 0, 0
	if v.Type() == L {
		size, each = 3, 1
	}
	for e := range v.Elems() {
		size += each + e.Size()
	}
	return size
}

// Depth returns the number of levels v nests: 1 for a scalar or a set, one
// more than the deepest element for an L or M.
func (v Value) Depth() int {
	deepest := 0
	switch v.Type() {
	case L:
		for e := range v.Elems() {
			deepest = max(deepest, e.Depth())
		}
	case M:
		for _, e := range v.Members() {
			deepest = max(deepest, e.Depth())
		}
	}
	return deepest + 1
}
