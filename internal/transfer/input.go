package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/itemfile"
	"github.com/statordb/stator/internal/table"
)

// source is the objects that items come from.
type source struct {
	store   bucket.Store
	bucket  string
	prefix  string
	options itemfile.Options
}

// mostObjects is how many objects items may come from. (Developer guide, "Quotas";
// the code of the failure has no source.)
const mostObjects = 50_000

// objects returns the objects of s, in the order of their keys.
func (s *source) objects(ctx context.Context) (all []bucket.Object, err error) {
	for o, err := range s.store.List(ctx, s.bucket, s.prefix) {
		if err != nil {
			return nil, fmt.Errorf("list s3://%s/%s: %w", s.bucket, s.prefix, err)
		}
		if len(all) == mostObjects {
			return nil, &failure{"TooManyObjects", fmt.Sprintf("there are more than %d objects in s3://%s/%s", mostObjects, s.bucket, s.prefix)}
		}
		all = append(all, o)
	}
	return all, nil
}

// open returns a reader of the records of an object. What is read of it is added
// to bytes.
func (s *source) open(ctx context.Context, key string, bytes *atomic.Int64) (*object, error) {
	body, err := s.store.Open(ctx, s.bucket, key)
	if err != nil {
		return nil, s.broken(key, err)
	}
	r, err := itemfile.NewReader(&counted{body, bytes}, s.options)
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	return &object{source: s, key: key, body: body, records: r}, nil
}

// broken says which object err is about.
func (s *source) broken(key string, err error) error {
	return fmt.Errorf("read s3://%s/%s: %w", s.bucket, key, err)
}

// object is an object that is being read.
type object struct {
	source  *source
	key     string
	body    io.ReadCloser
	records *itemfile.Reader
}

// next returns the next record, or io.EOF. Any other error is that of the whole
// object: what was read of it may not be what was written.
func (o *object) next() (itemfile.Record, error) {
	rec, err := o.records.Read()
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return rec, err
	}
	return rec, &failure{codeDamaged, o.source.broken(o.key, err).Error()}
}

// codeDamaged is the code of a file that cannot be read to its end: damaged
// compression, a header that cannot be one. It has no source.
const codeDamaged = "InvalidInputFile"

func (o *object) close() error {
	o.records.Close()
	return o.body.Close()
}

// counted counts what is read.
type counted struct {
	from io.Reader
	n    *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// checkItem reports why the item of a record cannot be stored in d.
func checkItem(d *table.Descriptor, rec *itemfile.Record) error {
	switch {
	case rec.Err != nil:
		return rec.Err
	case rec.Change != nil:
		return errChange
	case rec.Item.Size() > attr.MaxItemSize:
		return ddberr.ItemTooLarge.Fault()
	}
	return d.CheckItem(rec.Item)
}

var errChange = errors.New("the record is a change of an incremental export, not an item")

// pointer says which record of which object something is about. (Developer guide,
// "Validation errors" of imports.)
type pointer struct {
	Bucket    string `json:"bucket"`
	Key       string `json:"key"`
	ItemIndex int64  `json:"itemIndex"`
}
