package model

// Opt is a member that may be absent. The zero Opt is absent.
type Opt[T any] struct {
	V   T    // the zero value when absent
	Set bool // the member is present
}

// Some returns a present member.
func Some[T any](v T) Opt[T] { return Opt[T]{V: v, Set: true} }

// Or returns the member's value, or def when it is absent.
func (o Opt[T]) Or(def T) T {
	if o.Set {
		return o.V
	}
	return def
}

// Entry is one entry of a map member. Maps are slices of entries in the order
// sent, because the service reports faults in that order; keys are unique.
type Entry[V any] struct {
	Key   string
	Value V
}

// Lookup returns the value under key, or nil. It reads every entry; for many
// look-ups in a large map, build an index.
func Lookup[V any](entries []Entry[V], key string) *V {
	for i := range entries {
		if entries[i].Key == key {
			return &entries[i].Value
		}
	}
	return nil
}

// fewEntries is how many entries are cheaper to compare than to index.
const fewEntries = 16

// unique drops all but the last of entries with equal keys; the value that
// stays takes the place of the first.
func unique[V any](entries []Entry[V]) []Entry[V] {
	if len(entries) > fewEntries {
		return uniqueIndexed(entries)
	}
	out := entries[:0]
	for i := range entries {
		if have := Lookup(out, entries[i].Key); have != nil {
			*have = entries[i].Value
		} else {
			out = append(out, entries[i])
		}
	}
	return out
}

func uniqueIndexed[V any](entries []Entry[V]) []Entry[V] {
	at := make(map[string]int, len(entries))
	out := entries[:0]
	for i := range entries {
		if have, ok := at[entries[i].Key]; ok {
			out[have].Value = entries[i].Value
			continue
		}
		at[entries[i].Key] = len(out)
		out = append(out, entries[i])
	}
	return out
}
