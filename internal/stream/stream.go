package stream

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/table"
)

// Retention is how long a change can be read. (Developer guide, "Change data
// capture for DynamoDB Streams".)
const Retention = 24 * time.Hour

// Streams are the streams of all tables, of deleted ones too.
type Streams struct {
	engine *table.Engine
	now    func() time.Time
	home   table.Home
	pace   pace
}

// New returns the streams of the tables of engine, which is of home. now is the
// clock.
func New(engine *table.Engine, home table.Home, now func() time.Time) *Streams {
	return &Streams{engine: engine, now: now, home: home}
}

// Region returns the region of the stream of.
func (s *Streams) Region(of Stream) string {
	_, region, _ := s.home.Split(of.Table.Name)
	return region
}

// Stream is a stream that can be read, or a table's change log read as one.
type Stream struct {
	table.Stream
	ARN   string // "" for a change log
	Table *table.Descriptor
	live  *table.Table // nil for a deleted table
	first uint32       // of a change log: the number of the first shard read
}

// ARN returns the ARN of a stream of the table that is kept under name.
func (s *Streams) ARN(name, label string) string { return s.home.ARN(name) + "/stream/" + label }

// Of returns the streams of the table that is kept under name, sorted by ARN.
func (s *Streams) Of(name string) []Stream {
	return s.list(func(d *table.Descriptor) bool { return d.Name == name })
}

// Owned returns the streams of the tables of an owner (see table.Home), sorted by
// ARN.
func (s *Streams) Owned(owner string) []Stream {
	return s.list(func(d *table.Descriptor) bool { return table.OwnerOf(d.Name) == owner })
}

func (s *Streams) list(wanted func(*table.Descriptor) bool) []Stream {
	var list []Stream
	add := func(d *table.Descriptor, live *table.Table) {
		if !wanted(d) {
			return
		}
		for _, one := range d.Streams {
			list = append(list, Stream{Stream: one, ARN: s.ARN(d.Name, one.Label), Table: d, live: live})
		}
	}
	s.engine.Each(func(t *table.Table) { add(t.Descriptor, t) })
	for _, d := range s.engine.Departed() {
		add(d, nil)
	}
	slices.SortFunc(list, func(a, b Stream) int { return strings.Compare(a.ARN, b.ARN) })
	return list
}

// Find returns the stream with an ARN. It returns a ValidationException for what
// is not a stream's ARN.
func (s *Streams) Find(arn string) (Stream, error) {
	of, label, ok := ParseARN(arn)
	if !ok {
		return Stream{}, ddberr.Validation("Invalid StreamArn")
	}
	name := s.home.Name("", of)
	found := func(d *table.Descriptor) *table.Stream {
		i := slices.IndexFunc(d.Streams, func(one table.Stream) bool { return one.Label == label })
		if d.Name != name || i < 0 {
			return nil
		}
		return &d.Streams[i]
	}
	if t := s.engine.Catalog.Get(name); t != nil {
		if one := found(t.Descriptor); one != nil {
			return Stream{Stream: *one, ARN: s.ARN(name, label), Table: t.Descriptor, live: t}, nil
		}
	}
	for _, d := range s.engine.Departed() {
		if one := found(d); one != nil {
			return Stream{Stream: *one, ARN: s.ARN(name, label), Table: d}, nil
		}
	}
	return Stream{}, ddberr.ResourceNotFound("Requested resource not found: Stream: " + arn + " not found")
}

// Enabled returns the enabled stream of the table that is kept under name; ok is
// false if it has none.
func (s *Streams) Enabled(name string) (of Stream, ok bool) {
	t := s.engine.Catalog.Get(name)
	if t == nil || t.StreamEnabled() == nil {
		return Stream{}, false
	}
	one := t.StreamEnabled()
	return Stream{Stream: *one, ARN: s.ARN(name, one.Label), Table: t.Descriptor, live: t}, true
}

// HasTable reports whether there is a table called name.
func (s *Streams) HasTable(name string) bool { return s.engine.Catalog.Get(name) != nil }

// Log returns the change log of the table that is or was called name and has
// space, deleted or not, from the shard numbered first on, as a stream with both
// images; ok is false if it is gone. It goes on through the streams that are
// enabled and disabled meanwhile: for readers that are no streams.
func (s *Streams) Log(name string, space, first uint32) (log Stream, ok bool) {
	log = Stream{Stream: table.Stream{View: "NEW_AND_OLD_IMAGES"}, first: first}
	if t := s.engine.Catalog.Get(name); t != nil && t.Space == space {
		log.Table, log.live = t.Descriptor, t
		return log, true
	}
	for _, d := range s.engine.Departed() {
		if d.Space == space {
			log.Table = d
		}
	}
	return log, log.Table != nil
}

// Now returns s as it is now, of the same table, though another may have its
// name; ok is false if it is gone.
func (s *Streams) Now(of Stream) (now Stream, ok bool) {
	now, ok = s.Log(of.Table.Name, of.Table.Space, of.first)
	if !ok || of.ARN == "" {
		return now, ok
	}
	for _, one := range now.Table.Streams {
		if one.Label == of.Label {
			now.Stream, now.ARN = one, of.ARN
			return now, true
		}
	}
	return now, false
}

// Wait returns a channel that is closed when there may be changes in shard with
// stamp from or a later one; a closed one if changes do not go there any more.
func (s Stream) Wait(shard *table.Shard, from uint64) <-chan struct{} {
	if s.live != nil {
		if tail := s.live.Tail(shard.Number); tail != nil {
			return tail.Wait(from)
		}
	}
	ended := make(chan struct{})
	close(ended)
	return ended
}

// ParseARN returns the ARN of the table and the label in the ARN of a stream.
func ParseARN(arn string) (of, label string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "dynamodb" {
		return "", "", false
	}
	resource := strings.Split(parts[5], "/")
	if len(resource) != 4 || resource[0] != "table" || resource[2] != "stream" || resource[1] == "" || resource[3] == "" {
		return "", "", false
	}
	return arn[:len(arn)-len("/stream/")-len(resource[3])], resource[3], true
}

// Shards returns the shards of s in the order in which they were opened: parents
// before their children.
func (s Stream) Shards() []*table.Shard {
	if s.ARN == "" {
		return s.Table.Log(s.first)
	}
	return s.Table.Visible(s.Label)
}

// First returns a stamp that no change in s is before.
func (s Stream) First() uint64 {
	first := uint64(math.MaxUint64)
	for _, shard := range s.Table.Shards {
		if shard.Stream == s.Label {
			first = min(first, shard.First)
		}
	}
	return first
}

// Shard returns the shard of s with an id. It returns a
// ResourceNotFoundException if there is none.
func (s Stream) Shard(id string) (*table.Shard, error) {
	for _, shard := range s.Shards() {
		if ShardID(shard) == id {
			return shard, nil
		}
	}
	return nil, ddberr.ResourceNotFound("Requested resource not found: Shard does not exist")
}

// ParentID returns the id of the parent of shard, "" if it has none or the
// parent is past its retention.
func (s Stream) ParentID(shard *table.Shard) string {
	if parent := s.shardNumbered(shard.Parent); parent != nil {
		return ShardID(parent)
	}
	return ""
}

func (s Stream) shardNumbered(number uint32) *table.Shard {
	for _, shard := range s.Shards() {
		if shard.Number == number {
			return shard
		}
	}
	return nil
}
