package table

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// Stream is one of a table's streams: a reader of its change log. It is
// enabled until Disabled is set, and readable as long as it has shards.
type Stream struct {
	Label    string // unique among the streams of all tables that had the name
	View     string // StreamViewType
	Created  time.Time
	Disabled time.Time `json:",omitzero"`
	Policy   *Policy   `json:",omitempty"` // replaced, never changed
}

// Enabled reports whether changes still reach s.
func (s Stream) Enabled() bool { return s.Disabled.IsZero() }

// Shard is a part of a table's change log: the changes of the items whose
// hash is in a range, from its opening to its closing. A shard has one parent
// at most, and the changes of an item are in the shards of one line of
// descent, in order.
//
// The log is written while anybody reads it: an enabled stream, a Kinesis
// destination, point-in-time recovery. A shard has the same readers from its opening to its closing,
// and its records have the images that these need; where the readers change,
// all shards are continued by new ones.
type Shard struct {
	Number   uint32 // grows over the life of the table; names the shard's rows
	Parent   uint32 `json:",omitzero"` // number of the shard before it, 0 for none
	From, To uint32 // hashes, both included
	Stream   string // label of the stream that shows it, "" for none
	Opened   time.Time
	First    uint64    // no stamp in it is smaller
	Closed   time.Time `json:",omitzero"`
	Last     uint64    `json:",omitzero"` // once it is closed: no stamp in it is larger
}

// Open reports whether changes may still reach s.
func (s *Shard) Open() bool { return s.Closed.IsZero() }

// StreamEnabled returns the enabled stream of d, or nil.
func (d *Descriptor) StreamEnabled() *Stream {
	if s := d.StreamLatest(); s != nil && s.Enabled() {
		return s
	}
	return nil
}

// StreamLatest returns the newest stream of d, enabled or not, or nil.
func (d *Descriptor) StreamLatest() *Stream {
	if len(d.Streams) == 0 {
		return nil
	}
	return &d.Streams[len(d.Streams)-1]
}

// labelFormat is that of StreamLabel.
const labelFormat = "2006-01-02T15:04:05.000"

// EnableStream adds a stream to d, which has none enabled, with one shard.
func (d *Descriptor) EnableStream(view string, now time.Time) {
	if s := d.StreamLatest(); s != nil && now.Before(s.Created.Add(time.Millisecond)) {
		now = s.Created.Add(time.Millisecond) // a clock that stands, or was set back
	}
	s := Stream{View: view}
	s.setCreated(now)
	d.Streams = append(d.Streams, s)
	d.renewShards(now)
}

// setCreated dates s, which also is its label.
func (s *Stream) setCreated(at time.Time) {
	s.Created, s.Label = at.Truncate(time.Millisecond), at.UTC().Format(labelFormat)
}

// DisableStream disables the stream of d that is enabled.
func (d *Descriptor) DisableStream(now time.Time) {
	d.StreamLatest().Disabled = now
	d.renewShards(now)
}

// renewShards makes changes go to new shards, because the readers of d have
// changed. If there are none, changes go nowhere.
func (d *Descriptor) renewShards(now time.Time) {
	if _, logged := d.images(); !logged {
		return
	}
	fresh := Shard{To: math.MaxUint32, Opened: now}
	if s := d.StreamEnabled(); s != nil {
		fresh.Stream = s.Label
	}
	ends := d.ends()
	if len(ends) == 0 {
		d.openShard(fresh)
	}
	for _, end := range ends {
		fresh.Parent, fresh.From, fresh.To = end.Number, end.From, end.To
		d.openShard(fresh)
	}
}

func (d *Descriptor) openShard(s Shard) {
	d.LastShard++
	s.Number = d.LastShard
	d.Shards = append(d.Shards, &s)
}

// splitShard opens the n children of s, each with a part of its hashes.
func (d *Descriptor) splitShard(s *Shard, n int, now time.Time) {
	width := (uint64(s.To) - uint64(s.From) + 1) / uint64(n)
	from := uint64(s.From)
	for i := range n {
		to := from + width - 1
		if i == n-1 {
			to = uint64(s.To)
		}
		d.openShard(Shard{Parent: s.Number, From: uint32(from), To: uint32(to), Stream: s.Stream, Opened: now})
		from = to + 1
	}
}

// shardNumbered returns the shard of d with a number, or nil.
func (d *Descriptor) shardNumbered(number uint32) *Shard {
	i := slices.IndexFunc(d.Shards, func(s *Shard) bool { return s.Number == number })
	if i < 0 {
		return nil
	}
	return d.Shards[i]
}

// Visible returns the shards of the stream labelled label that readers may
// know.
func (d *Descriptor) Visible(label string) []*Shard {
	return slices.DeleteFunc(d.Log(0), func(s *Shard) bool { return s.Stream != label })
}

// Log returns the shards of the change log from the number first on that
// readers may know: a child only when its parent is closed.
func (d *Descriptor) Log(first uint32) []*Shard {
	open := map[uint32]bool{}
	for _, s := range d.Shards {
		open[s.Number] = s.Open()
	}
	var visible []*Shard
	for _, s := range d.Shards {
		if s.Number >= first && !open[s.Parent] {
			visible = append(visible, s)
		}
	}
	return visible
}

// views are the images that each view of a stream shows.
var views = map[string]Images{
	"KEYS_ONLY": {}, "NEW_IMAGE": {New: true}, "OLD_IMAGE": {Old: true}, "NEW_AND_OLD_IMAGES": {Old: true, New: true},
}

// Images says which images of an item a record has.
type Images struct{ Old, New bool }

// Images returns what s shows.
func (s Stream) Images() Images { return views[s.View] }

// images returns the images that the readers of d's change log need; logged is
// false if there is no reader.
func (d *Descriptor) images() (need Images, logged bool) {
	if !d.Deleted.IsZero() {
		return need, false
	}
	if s := d.StreamEnabled(); s != nil {
		need, logged = s.Images(), true
	}
	for _, k := range d.Kinesis {
		if k.Reads() {
			need, logged = Images{Old: true, New: true}, true
		}
	}
	if d.PITR.Enabled {
		need.Old, logged = true, true
	}
	return need, logged
}

// written returns the shards that changes go to.
func (d *Descriptor) written() []*Shard {
	if _, logged := d.images(); !logged {
		return nil
	}
	return d.ends()
}

// ends returns the open shards without children.
func (d *Descriptor) ends() (ends []*Shard) {
	parents := map[uint32]bool{}
	for _, s := range d.Shards {
		parents[s.Parent] = true
	}
	for _, s := range d.Shards {
		if s.Open() && !parents[s.Number] {
			ends = append(ends, s)
		}
	}
	return ends
}

// appendShardKey appends what the rows of a shard begin with; their stamps
// follow.
func appendShardKey(dst []byte, space, shard uint32) []byte {
	return binary.BigEndian.AppendUint32(appendLogKey(dst, space), shard)
}

// appendLogKey appends what the rows of a table's change log begin with.
func appendLogKey(dst []byte, space uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, logPrefix), space)
}
