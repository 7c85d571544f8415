package table

import (
	"slices"
	"time"

	"github.com/statordb/stator/internal/attr"
)

// Descriptor is what a table is: its keys, indexes and settings. It is stored
// as JSON and is immutable once the Catalog handed it out; changes are made
// on a Clone.
type Descriptor struct {
	Name    string
	ID      string // UUID, DynamoDB's TableId
	Space   uint32 // number under which the items are stored, never used again
	Version uint64 // grows with every change
	Created time.Time

	Attributes []KeyAttr // the definitions, as they are described
	Key        KeySchema
	Indexes    []*Index // in the order they were created

	Billing            Billing
	Throughput         Throughput
	OnDemand           *OnDemand
	Warm               *Throughput
	Class              string // STANDARD or STANDARD_INFREQUENT_ACCESS; "" when never set
	ClassChanged       time.Time
	ClassChanges       []time.Time `json:",omitempty"` // the last ones, oldest first
	DeletionProtection bool
	ProtectionChanged  time.Time     `json:",omitzero"` // when UpdateTable set DeletionProtection
	Tags               []Tag         // sorted by key
	Streams            []Stream      `json:",omitempty"` // oldest first; only the last can be enabled
	Shards             []*Shard      `json:",omitempty"` // of the change log, by number
	LastShard          uint32        `json:",omitzero"`  // highest number that a shard has had
	Kinesis            []Destination `json:",omitempty"` // at most one reads
	Deleted            time.Time     `json:",omitzero"`  // set once the table is only kept for its change log
	TTL                TTL           `json:",omitzero"`
	PITR               PITR          `json:",omitzero"`
	Creating           bool          `json:",omitzero"` // it is being filled, see Fill
	Restored           *Restored     `json:",omitempty"`
	SSE                SSE
	Policy             *Policy `json:",omitempty"` // replaced, never changed

	keyNames []string // of the table's key attributes, sorted; set by prepare
}

// KeyAttr is a key attribute.
type KeyAttr struct {
	Name string
	Type attr.Type // S, N or B
}

// KeySchema is the key of a table (one partition key attribute, at most one
// sort key attribute) or of an index (up to four of each in a GSI).
type KeySchema struct {
	Hash []KeyAttr
	Sort []KeyAttr
}

// All yields the attributes of k, partition key first.
func (k KeySchema) All() []KeyAttr { return append(slices.Clip(k.Hash), k.Sort...) }

// Has reports whether name is an attribute of k.
func (k KeySchema) Has(name string) bool {
	is := func(a KeyAttr) bool { return a.Name == name }
	return slices.ContainsFunc(k.Hash, is) || slices.ContainsFunc(k.Sort, is)
}

// Names returns the names of k's attributes, partition key first.
func (k KeySchema) Names() []string {
	var names []string
	for _, a := range k.All() {
		names = append(names, a.Name)
	}
	return names
}

// Index is a secondary index.
type Index struct {
	Name       string
	Space      uint32 // as Descriptor.Space
	Global     bool
	State      IndexState `json:",omitzero"`
	Key        KeySchema
	Projection Projection
	Throughput Throughput // of a GSI
	OnDemand   *OnDemand
	Warm       *Throughput

	// carried are the names of the attributes that an entry has, sorted; nil
	// for all. Set by the Catalog.
	carried []string
}

// Projection says which attributes an index carries besides the keys.
type Projection struct {
	Type    string   // ALL, KEYS_ONLY, INCLUDE
	NonKeys []string // for INCLUDE, as given
}

// Projects reports whether entries of x carry the attribute name.
func (x *Index) Projects(name string) bool {
	if x.carried == nil {
		return true
	}
	_, found := slices.BinarySearch(x.carried, name)
	return found
}

// Billing is the capacity mode.
type Billing struct {
	OnDemand bool
	// Named: the mode was named in a request, which makes a
	// BillingModeSummary appear in descriptions.
	Named   bool
	Changed time.Time // last switch to on-demand
	// Switches are the last switches of an existing table to on-demand.
	Switches []time.Time `json:",omitempty"`
}

// Throughput is provisioned or warm capacity in units per second.
type Throughput struct {
	Read, Write    int64
	Increased      time.Time
	Decreased      time.Time
	DecreasesToday int64 // on the UTC day of Decreased, see DecreasesOn
}

// DecreasesOn returns how often t was decreased on the UTC day of now.
func (t Throughput) DecreasesOn(now time.Time) int64 {
	if day := 24 * time.Hour; !t.Decreased.Truncate(day).Equal(now.Truncate(day)) {
		return 0
	}
	return t.DecreasesToday
}

// OnDemand holds maximum request units per second; 0 or less means none.
type OnDemand struct{ Read, Write int64 }

// SSE is the encryption setting of a table as asked for.
type SSE struct {
	Enabled bool
	Type    string
	Key     string // ARN
	DataKey uint32 `json:",omitzero"` // number of the key that seals the table's values, see sealkv; 0: none does
}

// Restored says what a table was made from.
type Restored struct {
	Backup string    // ARN; "" for none
	Source string    // ARN of the table
	At     time.Time // the instant that it shows
}

// Tag is a tag of a table.
type Tag struct{ Key, Value string }

// Index returns the index called name, or nil.
func (d *Descriptor) Index(name string) *Index {
	for _, x := range d.Indexes {
		if x.Name == name {
			return x
		}
	}
	return nil
}

// HasLocal reports whether d has a local secondary index, which makes its
// item collections bounded.
func (d *Descriptor) HasLocal() bool {
	return slices.ContainsFunc(d.Indexes, func(x *Index) bool { return !x.Global })
}

// Clone returns a copy of d to change.
func (d *Descriptor) Clone() *Descriptor {
	c := *d
	c.Tags = slices.Clone(d.Tags)
	c.Streams = slices.Clone(d.Streams)
	c.Shards = cloneEach(d.Shards)
	c.Kinesis = slices.Clone(d.Kinesis)
	c.Indexes = cloneEach(d.Indexes)
	c.Billing.Switches = slices.Clone(d.Billing.Switches)
	c.ClassChanges = slices.Clone(d.ClassChanges)
	return &c
}

// KeyNames returns the names of the table's key attributes, sorted. It belongs
// to d.
func (d *Descriptor) KeyNames() []string { return d.keyNames }

// cloneEach copies a list and what its elements point to.
func cloneEach[T any](list []*T) []*T {
	list = slices.Clone(list)
	for i, p := range list {
		copied := *p
		list[i] = &copied
	}
	return list
}

// prepare derives what is not stored.
func (d *Descriptor) prepare() {
	d.keyNames = slices.Sorted(slices.Values(d.Key.Names()))
	d.Policy.prepare()
	for _, s := range d.Streams {
		s.Policy.prepare()
	}
	for _, x := range d.Indexes {
		if x.Projection.Type == "ALL" {
			continue
		}
		x.carried = append(d.Key.Names(), x.Key.Names()...)
		x.carried = append(x.carried, x.Projection.NonKeys...)
		slices.Sort(x.carried)
		x.carried = slices.Compact(x.carried)
	}
}
