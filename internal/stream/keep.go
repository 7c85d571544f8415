package stream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/statordb/stator/internal/table"
)

const (
	// shardLife is how long changes go to one shard. The service's shards live
	// about as long.
	shardLife = 4 * time.Hour
	// A shard that takes so many changes a second is split in two, up to so
	// many shards.
	splitRate = 1000
	maxShards = 16
)

// pace remembers how many changes the open shards had taken at a time.
type pace struct {
	at      time.Time
	changes map[*table.Tail]int64
}

// Keep closes the shards that are old or too busy and removes the changes that
// are past their retention. It is called every few seconds, by one goroutine.
func (s *Streams) Keep(ctx context.Context) error {
	now := s.now()
	next := pace{now, map[*table.Tail]int64{}}
	var errs []error
	s.engine.Each(func(t *table.Table) {
		shards := slices.DeleteFunc(t.Log(0), func(shard *table.Shard) bool { return t.Tail(shard.Number) == nil })
		open := len(shards)
		for _, shard := range shards {
			tail := t.Tail(shard.Number)
			if tail == nil {
				continue // closed meanwhile
			}
			next.changes[tail] = tail.Changes()
			n, err := s.successors(ctx, t, shard, tail, open)
			if err != nil {
				errs = append(errs, err)
			}
			if n > 0 {
				errs = append(errs, s.engine.Rotate(ctx, t.Name, shard.Number, n))
				open += n - 1
			}
		}
	})
	s.pace = next
	errs = append(errs, s.engine.TrimLogs(ctx, now, now.Add(-Retention)))
	return errors.Join(errs...)
}

// successors returns how many shards replace shard now, one of so many of t
// that are open: 0 if it stays.
func (s *Streams) successors(ctx context.Context, t *table.Table, shard *table.Shard, tail *table.Tail, open int) (int, error) {
	now := s.now()
	if before, known := s.pace.changes[tail]; known && open < maxShards {
		seconds := now.Sub(s.pace.at).Seconds()
		if seconds > 0 && float64(tail.Changes()-before)/seconds > splitRate {
			return 2, nil
		}
	}
	if now.Sub(shard.Opened) < shardLife {
		return 0, nil
	}
	if tail.Changes() > 0 {
		return 1, nil
	}
	n := 0 // it may have changes from before the process started
	err := s.engine.ReadLog(ctx, t.Space, shard.Number, shard.First, func(table.Record) bool {
		n = 1
		return false
	})
	return n, err
}
