package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/stream"
)

const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 30 * time.Second
)

// delivery brings the batches of one shard to a trigger's consumer.
type delivery struct {
	*Trigger
	target target
	of     stream.Stream
	shard  string // id
	now    func() time.Time
	log    *slog.Logger
	stats  *Stats
}

// run deals with a batch: it is delivered, or given up and noted in the dead
// letters. An error means that ctx has ended before. attempts is how often its
// records were tried before.
func (d *delivery) run(ctx context.Context, batch []record, attempts int) error {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		batch = d.giveUpOld(ctx, batch, attempts)
		if len(batch) == 0 || ctx.Err() != nil {
			return ctx.Err()
		}
		rest, err := d.try(ctx, batch)
		if len(rest) == 0 {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		progress := len(rest) < len(batch)
		if progress {
			wait = retryFirst
		}
		batch = rest
		attempts++
		d.stats.failed(err)
		d.log.Warn("delivery failed", "trigger", d.Name, "records", len(batch), "attempt", attempts, "error", err)
		switch {
		case d.Retries != nil && attempts > *d.Retries:
			return d.giveUp(ctx, batch, "RetryAttemptsExhausted", attempts)
		case d.Bisect && !progress && len(batch) > 1:
			return errors.Join(d.run(ctx, batch[:len(batch)/2], attempts-1), d.run(ctx, batch[len(batch)/2:], attempts-1))
		}
		job.Pause(ctx, wait/2+rand.N(wait))
	}
}

// grace is how long a delivery may take to end when the trigger is stopped:
// what is cut off comes again.
const grace = time.Second

// try delivers a batch once and returns the records that are left of it.
func (d *delivery) try(ctx context.Context, batch []record) (rest []record, err error) {
	trying, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(d.Timeout))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	rest, err = d.target.deliver(trying, batch)
	if done := len(batch) - len(rest); done > 0 {
		d.stats.delivered(done)
	}
	return rest, err
}

// giveUpOld gives up the records at the beginning of a batch that are older
// than MaxAge and returns the others.
func (d *delivery) giveUpOld(ctx context.Context, batch []record, attempts int) []record {
	if d.MaxAge == 0 {
		return batch
	}
	n := 0
	for n < len(batch) && d.now().Sub(batch[n].Time) > time.Duration(d.MaxAge) {
		n++
	}
	if n > 0 && d.giveUp(ctx, batch[:n], "RecordAgeExceeded", attempts) != nil {
		return nil
	}
	return batch[n:]
}

// deadLetter is what the dead letters say about a batch that was given up: where
// its records are, not what they hold. (Lambda developer guide, "On-failure
// destinations".)
type deadLetter struct {
	RequestContext struct {
		FunctionARN            string `json:"functionArn"` // the target
		Condition              string `json:"condition"`
		ApproximateInvokeCount int    `json:"approximateInvokeCount"`
	} `json:"requestContext"`
	Version   string    `json:"version"`
	Timestamp time.Time `json:"timestamp"`
	Batch     struct {
		ShardID       string    `json:"shardId"`
		StartSequence string    `json:"startSequenceNumber"`
		EndSequence   string    `json:"endSequenceNumber"`
		First         time.Time `json:"approximateArrivalOfFirstRecord"`
		Last          time.Time `json:"approximateArrivalOfLastRecord"`
		BatchSize     int       `json:"batchSize"`
		StreamARN     string    `json:"streamArn"`
	} `json:"DDBStreamBatchInfo"`
}

// giveUp notes a batch in the dead letters, trying until that succeeds.
func (d *delivery) giveUp(ctx context.Context, batch []record, why string, attempts int) error {
	d.stats.gaveUp(len(batch))
	d.log.Error("records are given up", "trigger", d.Name, "condition", why, "records", len(batch), "from", batch[0].SequenceNumber)
	if d.DeadLetter == "" {
		return nil
	}
	var l deadLetter
	l.RequestContext.FunctionARN, l.RequestContext.Condition, l.RequestContext.ApproximateInvokeCount = d.Target, why, attempts
	l.Version, l.Timestamp = "1.0", d.now().UTC()
	first, last := batch[0], batch[len(batch)-1]
	l.Batch.ShardID, l.Batch.StreamARN, l.Batch.BatchSize = d.shard, d.of.ARN, len(batch)
	l.Batch.StartSequence, l.Batch.EndSequence = first.SequenceNumber, last.SequenceNumber
	l.Batch.First, l.Batch.Last = first.Time.UTC(), last.Time.UTC()
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	for wait := retryFirst; ctx.Err() == nil; wait = min(2*wait, retryMost) {
		if path, ok := strings.CutPrefix(d.DeadLetter, filePrefix); ok {
			err = appendFile(path, append(text[:len(text):len(text)], '\n'))
		} else {
			_, err = post(ctx, d.DeadLetter, text, nil)
		}
		if err == nil {
			return nil
		}
		d.log.Error("dead letter not delivered", "trigger", d.Name, "error", err)
		job.Pause(ctx, wait/2+rand.N(wait))
	}
	return ctx.Err()
}
