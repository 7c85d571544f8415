package stream

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/table"
)

// iteratorLife is how long an iterator can be used.
const iteratorLife = 15 * time.Minute

// Iterator is a position in a shard.
type Iterator struct {
	stream string // ARN
	shard  uint32 // number
	next   uint64 // the smallest stamp to be read
	// skips says that changes past their retention are passed over, as from
	// TRIM_HORIZON; else meeting one is an error.
	skips  bool
	issued time.Time
}

// The text of an iterator is the ARN of its stream, "|1|" and, in base 64:
// shard (4 bytes), stamp (8), time in milliseconds (8), skips (1), and four
// bytes of checksum, all big-endian.
const (
	iteratorMark  = "|1|"
	iteratorBytes = 4 + 8 + 8 + 1
)

// String returns the text that Parse reads.
func (it Iterator) String() string {
	b := binary.BigEndian.AppendUint32(nil, it.shard)
	b = binary.BigEndian.AppendUint64(b, it.next)
	b = binary.BigEndian.AppendUint64(b, uint64(it.issued.UnixMilli()))
	if it.skips {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = binary.BigEndian.AppendUint32(b, checksum(it.stream, b))
	return it.stream + iteratorMark + base64.StdEncoding.EncodeToString(b)
}

func checksum(arn string, b []byte) uint32 {
	return uint32(xxhash.Sum64String(arn)>>32) ^ uint32(xxhash.Sum64(b))
}

// Parse reads the text of an iterator. It returns a ValidationException for
// what is none.
func Parse(text string) (Iterator, error) {
	arn, rest, ok := strings.Cut(text, iteratorMark)
	b, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil || len(b) != iteratorBytes+4 || binary.BigEndian.Uint32(b[iteratorBytes:]) != checksum(arn, b[:iteratorBytes]) {
		return Iterator{}, ddberr.Validation("Invalid ShardIterator")
	}
	return Iterator{
		stream: arn,
		shard:  binary.BigEndian.Uint32(b),
		next:   binary.BigEndian.Uint64(b[4:]),
		issued: time.UnixMilli(int64(binary.BigEndian.Uint64(b[12:]))),
		skips:  b[20] == 1,
	}, nil
}

// Oldest returns an iterator at the oldest change of a shard (TRIM_HORIZON).
func (s *Streams) Oldest(of Stream, shard *table.Shard) Iterator {
	return s.From(of, shard, 0)
}

// From returns an iterator at a stamp; changes past their retention are passed
// over.
func (s *Streams) From(of Stream, shard *table.Shard, stamp uint64) Iterator {
	return Iterator{of.ARN, shard.Number, max(stamp, shard.First), true, s.now()}
}

// Stream returns the ARN of the stream that it is in.
func (it Iterator) Stream() string { return it.stream }

// Stamp returns the smallest stamp that it will read.
func (it Iterator) Stamp() uint64 { return it.next }

// Latest returns an iterator behind the newest change of a shard (LATEST).
func (s *Streams) Latest(of Stream, shard *table.Shard) Iterator {
	return Iterator{of.ARN, shard.Number, s.LastStamp() + 1, false, s.now()}
}

// LastStamp returns a stamp that no change made so far exceeds.
func (s *Streams) LastStamp() uint64 { return s.engine.LastStamp() }

// At returns an iterator at the change with a sequence number, or behind it. It
// returns a ValidationException if the shard cannot have the number, and a
// TrimmedDataAccessException if the change is past its retention.
func (s *Streams) At(ctx context.Context, of Stream, shard *table.Shard, sequence string, behind bool) (Iterator, error) {
	stamp, ok := parseSequenceNumber(sequence)
	if !ok || stamp < shard.First || !shard.Open() && stamp > shard.Last {
		return Iterator{}, ddberr.Validation("Invalid SequenceNumber")
	}
	trimmed, err := s.trimmedAt(ctx, of, shard, stamp)
	switch {
	case err != nil:
		return Iterator{}, err
	case trimmed:
		return Iterator{}, errTrimmed()
	}
	if behind {
		stamp++
	}
	return Iterator{of.ARN, shard.Number, stamp, false, s.now()}, nil
}

// trimmedAt reports whether the change with a stamp, or the first behind it,
// is past its retention.
func (s *Streams) trimmedAt(ctx context.Context, of Stream, shard *table.Shard, stamp uint64) (trimmed bool, err error) {
	err = s.engine.ReadLog(ctx, of.Table.Space, shard.Number, stamp, func(r table.Record) bool {
		trimmed = r.Time.Before(s.horizon())
		return false
	})
	return trimmed, err
}

// horizon is the time of the oldest changes that can be read.
func (s *Streams) horizon() time.Time { return s.now().Add(-Retention) }

func errTrimmed() error {
	return ddberr.New("TrimmedDataAccessException", "The operation attempted to read past the oldest stream record in a shard.")
}
