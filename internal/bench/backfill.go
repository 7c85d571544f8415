package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// backfillLoad runs while an index is built.
	backfillLoad = "put"
	// An index of a small table is built up to maxBuilds times, so that about
	// enoughItems are added in all.
	enoughItems = 300_000
	maxBuilds   = 5
	// indexTime is how long an index may take to be built or removed.
	indexTime = time.Hour
)

// BackfillPlan says how to measure the building of indexes.
type BackfillPlan struct {
	Sizes     []int // items in the table; each a multiple of ten
	ItemBytes int   // size of an item by DynamoDB's rules
	Clients   int   // of the load under which indexes are built
	// Before is how long the load is measured before an index is created, in
	// all builds of one table together.
	Before time.Duration
	// Progress is called before each size; may be nil.
	Progress func(items int)
}

// ParseBackfill returns the sizes in a comma-separated list.
func ParseBackfill(list string) ([]int, error) {
	var sizes []int
	for size := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			return nil, fmt.Errorf("size %q: use numbers of items, like 10000,100000", size)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}

func (p BackfillPlan) options(items int) Options {
	return Options{Clients: p.Clients, Items: items, ItemBytes: p.ItemBytes}
}

// Validate reports what cannot be.
func (p BackfillPlan) Validate() error {
	for _, items := range p.Sizes {
		if err := p.options(items).Validate(); err != nil {
			return err
		}
	}
	switch {
	case len(p.Sizes) == 0:
		return errors.New("no size: use numbers of items")
	case p.Before <= 0:
		return fmt.Errorf("duration %v: use a positive one", p.Before)
	}
	return nil
}

// build is what was measured of an index that was built once.
type build struct {
	took          time.Duration // from the request until it was active
	cpu           time.Duration // of the server's process; negative if unknown
	before, along Round         // of the load; empty if nothing else ran
}

// MeasureBackfill builds indexes of tables of several sizes, first while
// nothing else runs, then under load.
func MeasureBackfill(ctx context.Context, server Target, p BackfillPlan) (*BackfillReport, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	report := &BackfillReport{Clients: p.Clients, ItemBytes: p.ItemBytes, Load: backfillLoad}
	for _, items := range p.Sizes {
		if p.Progress != nil {
			p.Progress(items)
		}
		figures, err := measureSize(ctx, server, p, items)
		if err != nil {
			return nil, fmt.Errorf("backfill of %d items: %w", items, err)
		}
		report.Sizes = append(report.Sizes, figures)
	}
	report.relate()
	return report, nil
}

// measureSize measures a table of one size.
func measureSize(ctx context.Context, server Target, p BackfillPlan, items int) (f BackfillFigures, err error) {
	s, err := NewSession(ctx, server, p.options(items))
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	builds := min(max(enoughItems/items, 1), maxBuilds)
	var alone, loaded []build
	for range builds {
		b, err := s.buildAlone(ctx)
		if err != nil {
			return f, err
		}
		alone = append(alone, b)
		if b, err = s.buildLoaded(ctx, p.Before/time.Duration(builds)); err != nil {
			return f, fmt.Errorf("under load: %w", err)
		}
		loaded = append(loaded, b)
	}
	return backfillFigures(items, alone, loaded), nil
}

// buildAlone builds the index while nothing else runs, and removes it.
func (s *Session) buildAlone(ctx context.Context) (build, error) {
	if err := s.rest(ctx); err != nil {
		return build{}, err
	}
	b, err := s.build(ctx)
	if err != nil {
		return build{}, err
	}
	return b, s.removeIndex(ctx)
}

// buildLoaded measures the load, builds the index under it, and removes it.
func (s *Session) buildLoaded(ctx context.Context, before time.Duration) (b build, err error) {
	if err := s.rest(ctx); err != nil {
		return b, err
	}
	stop := Stop{Duration: before}
	if _, err := s.Run(ctx, s.server, backfillLoad, stop.part(warmUp)); err != nil {
		return b, err
	}
	first, err := s.Run(ctx, s.server, backfillLoad, stop)
	if err != nil {
		return b, err
	}
	b, along, err := s.buildBeside(ctx)
	if err != nil {
		return b, err
	}
	b.before, b.along = first, along
	return b, s.removeIndex(ctx)
}

// buildBeside builds the index while the load runs, which begins and ends with
// it.
func (s *Session) buildBeside(ctx context.Context) (b build, along Round, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var active atomic.Bool
	built := make(chan error, 1)
	go func() {
		defer active.Store(true)
		var err error
		b, err = s.build(ctx)
		built <- err
	}()
	along, err = s.Run(ctx, s.server, backfillLoad, Stop{ended: &active})
	if err != nil {
		cancel() // do not wait for an index that nobody needs
	}
	err = errors.Join(err, <-built) // b is complete
	return b, along, err
}

// build creates the index, waits until it is active, and reads some of it.
func (s *Session) build(ctx context.Context) (build, error) {
	clock, start := startClock(s.server.PID), time.Now()
	create := `"AttributeDefinitions":[` + keyDefinitions + `,` + groupDefinition + `],` +
		`"GlobalSecondaryIndexUpdates":[{"Create":` + indexDefinition("KEYS_ONLY") + `}]`
	if err := s.updateTable(ctx, create, indexActive); err != nil {
		return build{}, err
	}
	b := build{took: time.Since(start), cpu: clock.per(1)}
	return b, s.verifyIndex(ctx)
}

// removeIndex deletes the index and waits until it is gone.
func (s *Session) removeIndex(ctx context.Context) error {
	return s.updateTable(ctx, `"GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"`+indexName+`"}}]`, indexGone)
}

// updateTable changes the table and waits until its description shows it.
func (s *Session) updateTable(ctx context.Context, change string, done func(description []byte) bool) error {
	update := newRequest(s.server.Address, "UpdateTable", `{"TableName":"`+s.data.table+`",`+change+`}`)
	if _, err := call(ctx, s.admin, update); err != nil {
		return err
	}
	return s.data.wait(ctx, s.admin, s.server.Address, indexTime, done)
}

func indexActive(description []byte) bool {
	return bytes.Contains(description, []byte(`"IndexStatus":"ACTIVE"`)) && tableActive(description)
}

func indexGone(description []byte) bool {
	return !bytes.Contains(description, []byte(`"IndexName"`)) && tableActive(description)
}

// verifyIndex queries some groups, each of which must be complete.
func (s *Session) verifyIndex(ctx context.Context) error {
	query := newRequest(s.server.Address, "Query", `{"TableName":"`+s.data.table+`",`+groupQuery)
	source := s.source(uint64(time.Now().UnixNano()))
	for range 10 {
		query.setItem(source.rng.IntN(s.Items), s.Items)
		answer, err := call(ctx, s.admin, query)
		if err != nil {
			return err
		}
		if !bytes.Contains(answer, []byte(`"Count":10`)) || !bytes.Contains(answer, query.digits()) {
			return fmt.Errorf("group %s of the index is not complete: %.200s", query.digits(), answer)
		}
	}
	return nil
}

const (
	restStep = 200 * time.Millisecond // is looked at for work
	restTime = time.Minute            // is waited at most
)

// rest waits until the server has nothing to do any more, not even because of
// what it was asked before. If its processor time is not known that cannot be
// seen, and rest is short.
func (s *Session) rest(ctx context.Context) error {
	for start := time.Now(); time.Since(start) < restTime; {
		clock := startClock(s.server.PID)
		select {
		case <-time.After(restStep):
		case <-ctx.Done():
			return ctx.Err()
		}
		if used, _ := clock.used(); used <= tick {
			break
		}
	}
	return nil
}
