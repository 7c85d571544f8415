package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Target is a server to measure.
type Target struct {
	Address string // host:port
	PID     int    // of its process, to know its processor time; 0: unknown
	// Constant says that its answers are not the real ones (a Baseline): only
	// their status is checked.
	Constant bool
}

// Options say what a Session works with. All members but Table and Signer are required.
type Options struct {
	Clients   int // connections, each with one request at a time
	Items     int // in the table; a multiple of ten
	ItemBytes int // size of an item by DynamoDB's rules
	// Table is the name of the table, "" for one by chance. Two sessions with the
	// same one can be compared, see Plan.Baseline.
	Table string
	// Signer signs the requests, to whatever server; nil: nobody does.
	Signer *Signer
}

// Bounds of Options.
const (
	maxClients   = 10_000
	maxItems     = 100_000_000
	minItemBytes = 100
	maxItemBytes = 100_000 // ten items must fit on a page of a Query
)

// Validate reports what cannot be.
func (o Options) Validate() error {
	switch {
	case o.Clients < 1 || o.Clients > maxClients:
		return fmt.Errorf("%d clients: use 1 to %d", o.Clients, maxClients)
	case o.Items < perPartition || o.Items > maxItems || o.Items%perPartition != 0:
		return fmt.Errorf("%d items: use a multiple of %d, up to %d", o.Items, perPartition, maxItems)
	case o.ItemBytes < minItemBytes || o.ItemBytes > maxItemBytes:
		return fmt.Errorf("items of %d bytes: use %d to %d", o.ItemBytes, minItemBytes, maxItemBytes)
	}
	return nil
}

// Session is a table that loads work on, and others with extras once a load
// needs them. It is used by one goroutine.
type Session struct {
	Options
	server Target
	data   *dataset
	others map[extra]*dataset // those made
	zipf   *Zipfian
	admin  *Conn
	crews  map[string][]*Conn // connections of the clients, by address
}

// NewSession makes a table at server and fills it. The caller owes Close.
func NewSession(ctx context.Context, server Target, o Options) (*Session, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	admin, err := dial(ctx, server.Address, o.Signer)
	if err != nil {
		return nil, err
	}
	s := &Session{
		Options: o, server: server, data: newDataset(o.Table, o.Items, o.ItemBytes),
		others: map[extra]*dataset{}, zipf: NewZipfian(o.Items), admin: admin, crews: map[string][]*Conn{},
	}
	if err := s.create(ctx, s.data); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// create makes the table of d and tries it.
func (s *Session) create(ctx context.Context, d *dataset) error {
	if err := d.create(ctx, s.admin, s.server.Address); err != nil {
		return err
	}
	return s.verify(ctx, d)
}

// Prepare makes the table of a load, unless it is there.
func (s *Session) Prepare(ctx context.Context, loadName string) error {
	l, err := findLoad(loadName)
	if err != nil {
		return err
	}
	_, err = s.dataset(ctx, l)
	return err
}

// dataset returns the one that a load works on.
func (s *Session) dataset(ctx context.Context, l load) (*dataset, error) {
	if l.extra == plain {
		return s.data, nil
	}
	if s.others[l.extra] == nil {
		d := s.data.with(l.extra)
		s.others[l.extra] = d // Close drops it, whatever comes of it
		if err := s.create(ctx, d); err != nil {
			return nil, fmt.Errorf("table with %s: %w", l.extra, err)
		}
	}
	return s.others[l.extra], nil
}

// Close deletes the tables and disconnects.
func (s *Session) Close() error {
	err := s.data.drop(context.Background(), s.admin, s.server.Address)
	for _, d := range s.others {
		err = errors.Join(err, d.drop(context.Background(), s.admin, s.server.Address))
	}
	for _, crew := range s.crews {
		for _, c := range crew {
			err = errors.Join(err, c.Close())
		}
	}
	return errors.Join(err, s.admin.Close())
}

// request returns a new request of an operation on d.
func (s *Session) request(d *dataset, operation string) *request {
	name, _, _ := strings.Cut(operation, ",")
	return newRequest(s.server.Address, name, d.body(operation))
}

// source returns random texts and numbers that depend on seed only.
func (s *Session) source(seed uint64) texts {
	return texts{s.data.pool, rand.New(rand.NewPCG(seed, 0xB))}
}

// verify checks that what is written is what is read, through the index if d
// has one.
func (s *Session) verify(ctx context.Context, d *dataset) error {
	source := s.source(uint64(time.Now().UnixNano()))
	get := s.request(d, "GetItem")
	if d.extra == indexed {
		get = s.request(d, "Query")
	}
	for _, operation := range []string{"PutItem", "UpdateItem", "BatchWriteItem", "TransactWriteItems"} {
		write := s.request(d, operation)
		item := source.rng.IntN(s.Items)
		write.setItem(item, s.Items)
		write.setTexts(&source)
		get.setItem(item, s.Items)
		if _, err := call(ctx, s.admin, write); err != nil {
			return err
		}
		if err := s.verifyItem(ctx, get, write); err != nil {
			return fmt.Errorf("%s, then %s: %w", operation, get.operation, err)
		}
	}
	return nil
}

// readTime is how long an eventually consistent read may lag behind.
const readTime = 2 * time.Second

// verifyItem checks that get finds the texts that write put into its first
// item.
func (s *Session) verifyItem(ctx context.Context, get, write *request) error {
	for start := time.Now(); time.Since(start) < readTime; time.Sleep(10 * time.Millisecond) {
		answer, err := call(ctx, s.admin, get)
		if err != nil {
			return err
		}
		missing := func(t textHole) bool {
			return !bytes.Contains(answer, write.bytes[t.offset:t.offset+t.length])
		}
		if !slices.ContainsFunc(write.texts[:min(fields, len(write.texts))], missing) {
			return nil
		}
	}
	return errors.New("the item read is not the item written")
}

// AnswerSizes returns the size of the server's answer to each operation of
// the loads: the median of a few.
func (s *Session) AnswerSizes(ctx context.Context, loads []string) (map[string]int, error) {
	sizes := map[string]int{}
	for _, name := range loads {
		l, err := findLoad(name)
		if err != nil {
			return nil, err
		}
		d, err := s.dataset(ctx, l)
		if err != nil {
			return nil, err
		}
		for _, operation := range []string{l.read, l.write} {
			if operation == "" {
				continue
			}
			r := s.request(d, operation)
			if sizes[r.operation] > 0 {
				continue
			}
			if sizes[r.operation], err = s.answerSize(ctx, r); err != nil {
				return nil, err
			}
		}
	}
	return sizes, nil
}

func (s *Session) answerSize(ctx context.Context, r *request) (int, error) {
	source := s.source(7)
	var sizes []int
	for range 9 {
		r.setItem(source.rng.IntN(s.Items), s.Items)
		r.setTexts(&source)
		answer, err := call(ctx, s.admin, r)
		if err != nil {
			return 0, err
		}
		sizes = append(sizes, len(answer))
	}
	return median(sizes), nil
}

// median returns the middle of values, which it sorts; of an even number the
// lower one of the two.
func median[T int | float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}
