// Package sealkv seals the values of tables that have keys of their own, on any
// store.
//
// A table's rows are those whose keys have, behind the first byte, one of its
// spaces: the items and index entries (first byte 'd') and the change log ('l').
// Assign says under which key the values of a space are sealed from then on. Each
// sealed value names its key, so that what was written before a change of keys,
// frozen, or moved by Freeze stays readable as long as its key can be used. A
// value is sealed with AES-256-GCM, bound to its key in the store (but for the
// stamp that Append adds): it opens nowhere else. Keys in the store are not sealed.
//
// The keys are in rows of the store that begin with 'k', wrapped by a key of a
// seal.Service. When that cannot be used, its keys are forgotten, reading and
// writing values under them is an *Inaccessible, and everything else goes on; when
// it can be used again, so can they. Refresh finds out. A service that does not
// answer changes nothing. Refresh asks for the keys that Assign has named; one of
// which only older values are sealed is asked for when the first of them is read.
//
// No key is ever removed from the store: no one knows which values, frozen ones
// among them, are still under it.
package sealkv
