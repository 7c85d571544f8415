package stream

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/table"
)

// Limits of one Read. (API reference, GetRecords.)
const (
	MaxRecords = 1000
	maxBytes   = 1 << 20
	maxSkipped = 16 << 20 // bytes of changes past their retention
)

// Event is what a change did.
type Event string

// The events, as eventName has them.
const (
	Insert Event = "INSERT"
	Modify Event = "MODIFY"
	Remove Event = "REMOVE"
)

// Record is a change as a stream shows it.
type Record struct {
	ID             string // the same whenever the change is read
	Event          Event
	SequenceNumber string
	Time           time.Time
	Keys           attr.Item
	Old, New       attr.Item // images, empty if the stream has none
	Size           int       // of keys and images, in bytes as DynamoDB counts
	Expired        bool      // deleted because its time to live was over
}

// Batch is what a Read found.
type Batch struct {
	Of      Stream
	Records []Record // copies
	Next    Iterator // for the next Read
	End     bool     // of the shard: there is no next Read
}

// Read reads up to limit records. It returns an ExpiredIteratorException, a
// TrimmedDataAccessException or a ResourceNotFoundException.
func (s *Streams) Read(ctx context.Context, it Iterator, limit int) (Batch, error) {
	now := s.now()
	if now.Sub(it.issued) >= iteratorLife {
		return Batch{}, ddberr.New("ExpiredIteratorException", "Iterator expired. The iterator was created more than 15 minutes ago.")
	}
	of, err := s.Find(it.stream)
	if err != nil {
		return Batch{}, err
	}
	it.issued = now
	return s.readShard(ctx, of, it, limit)
}

// ReadFrom reads up to limit records of a shard of the stream of, as it is now,
// from a stamp on. Changes past their retention are passed over. It returns a
// TrimmedDataAccessException or a ResourceNotFoundException.
func (s *Streams) ReadFrom(ctx context.Context, of Stream, shard *table.Shard, stamp uint64, limit int) (Batch, error) {
	now, ok := s.Now(of)
	if !ok {
		return Batch{}, errTrimmed()
	}
	return s.readShard(ctx, now, s.From(now, shard, stamp), limit)
}

// readShard reads where it says, which is in the stream of.
func (s *Streams) readShard(ctx context.Context, of Stream, it Iterator, limit int) (Batch, error) {
	shard := of.shardNumbered(it.shard)
	switch {
	case shard != nil:
	case it.shard <= of.Table.LastShard:
		return Batch{}, errTrimmed()
	default:
		return Batch{}, ddberr.ResourceNotFound("Invalid ShardId in ShardIterator")
	}
	if shard.Open() && of.live != nil {
		if tail := of.live.Tail(shard.Number); tail != nil && it.next > tail.Stamp() {
			return Batch{Of: of, Next: it}, nil
		}
	}
	return s.read(ctx, of, shard, it, limit)
}

func (s *Streams) read(ctx context.Context, of Stream, shard *table.Shard, it Iterator, limit int) (Batch, error) {
	horizon := s.horizon()
	b, bytes, skipped := Batch{Of: of, Next: it}, 0, 0
	more, trimmed := false, false
	err := s.engine.ReadLog(ctx, of.Table.Space, shard.Number, it.next, func(r table.Record) bool {
		if r.Time.Before(horizon) {
			trimmed = !it.skips
			skipped += r.Bytes
			if more = trimmed || skipped > maxSkipped; !more {
				b.Next.next = r.Stamp + 1
			}
			return !more
		}
		if more = len(b.Records) == limit || len(b.Records) > 0 && bytes+r.Bytes > maxBytes; more {
			return false
		}
		bytes += r.Bytes
		b.Records = append(b.Records, of.record(shard, r))
		b.Next.next, b.Next.skips = r.Stamp+1, false
		return true
	})
	switch {
	case err != nil:
		return Batch{}, err
	case trimmed && len(b.Records) == 0:
		return Batch{}, errTrimmed()
	}
	b.End = !more && !shard.Open()
	return b, nil
}

// record returns a copy of r as the stream shows it.
func (s Stream) record(shard *table.Shard, r table.Record) Record {
	out := Record{
		ID: eventID(s.Table.Space, shard.Number, r.Stamp), SequenceNumber: SequenceNumber(r.Stamp),
		Event: Modify, Time: r.Time, Expired: r.Expired,
	}
	switch {
	case !r.HadOld:
		out.Event = Insert
	case !r.HasNew:
		out.Event = Remove
	}
	image := r.New
	if image.IsEmpty() {
		image = r.Old
	}
	if image.IsEmpty() {
		out.Keys = r.Key.Clone()
	} else {
		out.Keys = image.Project(s.Table.KeyNames())
	}
	// Another reader of the log may need images that the stream does not show.
	if s.Images().Old {
		out.Old = r.Old.Clone()
	}
	if s.Images().New {
		out.New = r.New.Clone()
	}
	out.Size = out.Keys.Size() + out.Old.Size() + out.New.Size()
	return out
}

// eventID returns 32 hexadecimal digits that only one change has.
func eventID(space, shard uint32, stamp uint64) string {
	b := binary.BigEndian.AppendUint32(nil, space)
	b = binary.BigEndian.AppendUint32(b, shard)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(b, stamp))
	return hex.EncodeToString(sum[:16])
}
