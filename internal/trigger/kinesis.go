package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/smithy-go"

	"github.com/statordb/stator/internal/job"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/table"
)

// Kinesis delivers the changes of tables to their Kinesis destinations. Which
// there are is in the tables' descriptors.
type Kinesis struct {
	base
	engine   *table.Engine
	endpoint string
	changes  sync.Mutex // held by Look and Close
	running  map[delivered]*running
	closed   bool
	mu       struct {
		sync.Mutex
		stats map[string]*kinesisStats // by table
	}
}

// delivered is a destination as it was when its delivery began.
type delivered struct {
	space                 uint32
	table, arn, precision string
	first                 uint32
}

// name returns what the positions are stored under; no trigger can be called so.
func (d delivered) name() string { return fmt.Sprintf("kinesis %s %d", d.arn, d.first) }

// NewKinesis returns the Kinesis destinations of engine's tables, which are at
// endpoint. Look starts them.
func NewKinesis(store kv.Store, engine *table.Engine, streams *stream.Streams, endpoint string, now func() time.Time, log *slog.Logger) *Kinesis {
	k := &Kinesis{base: base{store, streams, now, log}, engine: engine, endpoint: endpoint, running: map[delivered]*running{}}
	k.mu.stats = map[string]*kinesisStats{}
	return k
}

// Look starts and stops deliveries as the descriptors of the tables say. When it
// returns, nothing goes to a destination that is not there any more.
func (k *Kinesis) Look(ctx context.Context) error {
	k.changes.Lock()
	defer k.changes.Unlock()
	if k.closed {
		return nil
	}
	wanted := k.wanted()
	var errs []error
	for d, r := range k.running {
		if wanted[d] {
			continue
		}
		r.stop()
		<-r.stopped
		delete(k.running, d)
		if !continued(wanted, d) {
			errs = append(errs, k.forget(ctx, d.name(), func([]byte) bool { return true }))
		}
	}
	for d := range wanted {
		if k.running[d] == nil {
			k.running[d] = k.start(d)
		}
	}
	return errors.Join(errs...)
}

// continued reports whether another of wanted goes on where d is.
func continued(wanted map[delivered]bool, d delivered) bool {
	for w := range wanted {
		if w.space == d.space && w.name() == d.name() {
			return true
		}
	}
	return false
}

// wanted returns what is to be delivered: for deleted tables, what they have
// left.
func (k *Kinesis) wanted() map[delivered]bool {
	wanted := map[delivered]bool{}
	add := func(d *table.Descriptor) {
		for _, one := range d.Kinesis {
			if one.Reads() {
				wanted[delivered{d.Space, d.Name, one.ARN, one.Precision, one.First}] = true
			}
		}
	}
	k.engine.Each(func(t *table.Table) { add(t.Descriptor) })
	for _, d := range k.engine.Departed() {
		add(d)
	}
	return wanted
}

// Close stops all deliveries. They go on where they were when they are started
// again.
func (k *Kinesis) Close() {
	k.changes.Lock()
	defer k.changes.Unlock()
	k.closed = true
	for _, r := range k.running {
		r.stop()
	}
	for _, r := range k.running {
		<-r.stopped
	}
}

func (k *Kinesis) start(d delivered) *running {
	ctx, stop := context.WithCancel(context.Background())
	r := &running{stop: stop, stopped: make(chan struct{})}
	stats := k.statsOf(d.table)
	region, name := splitStreamARN(d.arn)
	target := &kinesisTarget{client: k.client(region), stream: name, stats: stats}
	w := &worker{
		base: k.base, target: target, stats: &stats.Stats, encode: k.kinesisEncoder(d.precision),
		sources: func() []stream.Stream {
			if log, ok := k.streams.Log(d.table, d.space, d.first); ok {
				return []stream.Stream{log}
			}
			return nil
		},
		trigger: &Trigger{
			Name: d.name(), Table: d.table, Target: d.arn, BatchSize: kinesisRecords, Parallelism: 1,
			Timeout: Duration(time.Minute), MaxAge: Duration(stream.Retention),
		},
	}
	go func() {
		defer close(r.stopped)
		if k.confirm(ctx, d, target) {
			w.run(ctx)
		}
	}()
	return r
}

func (k *Kinesis) statsOf(name string) *kinesisStats {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mu.stats[name] == nil {
		k.mu.stats[name] = new(kinesisStats)
	}
	return k.mu.stats[name]
}

// enableTries is how often a data stream is asked for, over half a minute, before
// enabling it fails.
const enableTries = 8

// confirm makes a destination ACTIVE or ENABLE_FAILED and reports whether its data
// stream is there.
func (k *Kinesis) confirm(ctx context.Context, d delivered, target *kinesisTarget) bool {
	wait := retryFirst
	for try := 1; ctx.Err() == nil; try++ {
		if state := k.state(d); state != table.DestinationEnabling {
			return state == table.DestinationActive
		}
		callCtx, cancel := context.WithTimeout(ctx, time.Minute)
		_, err := target.client.DescribeStreamSummary(callCtx, &kinesis.DescribeStreamSummaryInput{StreamName: &target.stream})
		cancel()
		if err == nil || isRefusal(err) || try >= enableTries {
			if err = k.settle(ctx, d, err); err == nil {
				continue
			}
		}
		if ctx.Err() == nil {
			k.log.Warn("Kinesis destination not enabled yet, will try again", "table", d.table, "stream", d.arn, "error", err)
		}
		job.Pause(ctx, wait)
		wait = min(2*wait, retryMost)
	}
	return false
}

// isRefusal reports whether err is an answer that asking again does not change.
func isRefusal(err error) bool {
	var e smithy.APIError
	return errors.As(err, &e) && slices.Contains([]string{"ResourceNotFoundException", "InvalidArgumentException", "ValidationException", "AccessDeniedException"}, e.ErrorCode())
}

// state returns the state of a destination; of a deleted table, in which
// nothing changes any more, ACTIVE.
func (k *Kinesis) state(d delivered) table.DestinationState {
	t := k.engine.Catalog.Get(d.table)
	if t == nil || t.Space != d.space {
		return table.DestinationActive
	}
	if one := t.Destination(d.arn); one != nil && one.First == d.first {
		return one.State
	}
	return table.DestinationDisabled
}

// settle ends the state ENABLING of a destination, with why it failed or nil.
func (k *Kinesis) settle(ctx context.Context, d delivered, failure error) error {
	_, err := k.engine.Change(ctx, d.table, func(t *table.Descriptor) error {
		one := t.Destination(d.arn)
		if t.Space != d.space || one == nil || one.First != d.first || one.State != table.DestinationEnabling {
			return nil
		}
		if failure == nil {
			one.State = table.DestinationActive
			return nil
		}
		t.EndDestination(one, table.DestinationFailed, oneLine(failure), k.now())
		return nil
	})
	if errors.Is(err, table.ErrNotFound) {
		return nil
	}
	return err
}

// oneLine returns what Kinesis says.
func oneLine(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode() + ": " + e.ErrorMessage()
	}
	return err.Error()
}

// client returns a client for the data streams of a region. Its credentials are
// those of the environment; an emulator takes any.
func (k *Kinesis) client(region string) *kinesis.Client {
	c, ok := credentialsGiven()
	if !ok {
		c = aws.Credentials{AccessKeyID: "stator", SecretAccessKey: "stator"}
	}
	return kinesis.New(kinesis.Options{
		BaseEndpoint: &k.endpoint, Region: region, Retryer: aws.NopRetryer{},
		Credentials: credentials.StaticCredentialsProvider{Value: c},
	})
}

// IsStreamARN reports whether text is the ARN of a Kinesis data stream.
func IsStreamARN(text string) bool {
	region, name := splitStreamARN(text)
	return region != "" && name != ""
}

// splitStreamARN returns region and name in arn:aws:kinesis:REGION:ACCOUNT:stream/NAME,
// "" for anything else.
func splitStreamARN(arn string) (region, name string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "kinesis" {
		return "", ""
	}
	name, ok := strings.CutPrefix(parts[5], "stream/")
	if !ok || strings.ContainsAny(name, "/:") {
		return "", ""
	}
	return parts[3], name
}

// KinesisFigures say how far the destination of a table is, since the process
// started.
type KinesisFigures struct {
	Table              string
	Units              int64 // change data capture units
	Throttled          int64 // records refused for want of throughput, and sent again
	FailedToReplicate  int64 // records too large, or older than their retention
	OldestUnreplicated time.Duration
}

// Figures returns the figures of all tables that have or had a destination,
// sorted by table.
func (k *Kinesis) Figures() (all []KinesisFigures) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for name, s := range k.mu.stats {
		f := KinesisFigures{Table: name, Units: s.units.Load(), Throttled: s.throttled.Load(), FailedToReplicate: s.tooLarge.Load() + s.lost.Load()}
		if oldest := s.oldest(); !oldest.IsZero() {
			f.OldestUnreplicated = k.now().Sub(oldest)
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b KinesisFigures) int { return strings.Compare(a.Table, b.Table) })
	return all
}
