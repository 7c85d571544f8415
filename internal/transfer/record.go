package transfer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/record"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/wire"
)

// Head is what the records of all kinds have in common.
type Head struct {
	Kind string // as it stands in the ARN
	ID   string // of the time and of chance
	// Of the table; TableARN is what the API gives for it.
	Table, TableID, TableARN string

	Request json.RawMessage // the request as it was made
	Token   string          `json:",omitempty"`
	Status  string
	Started time.Time
	Ended   time.Time `json:",omitzero"`
	// FailureCode and FailureMessage say why the Status is Failed or Cancelled.
	FailureCode    string `json:",omitempty"`
	FailureMessage string `json:",omitempty"`
}

// The states of records, as they are described.
const (
	InProgress          = "IN_PROGRESS"
	Completed           = "COMPLETED"
	CompletedWithErrors = "COMPLETED_WITH_ERRORS" // of Bulk
	Cancelling          = "CANCELLING"
	Cancelled           = "CANCELLED"
	Failed              = "FAILED"
)

// The kinds of records, as they stand in ARNs. That of bulk puts has no source.
const (
	KindExport = "export"
	KindImport = "import"
	KindBulk   = "bulk-operation"
)

const (
	exportRows = "be"
	importRows = "bi"
	bulkRows   = "bo"
	tokenRows  = "bt"
)

var rowsOf = map[string]string{KindExport: exportRows, KindImport: importRows, KindBulk: bulkRows}

func (h *Head) row() []byte { return rowOf(h.Kind, h.Table, h.ID) }

// tokenRow returns the row of h's client token.
func (h *Head) tokenRow() []byte { return tokenRow(h.Kind, table.OwnerOf(h.Table), h.Token) }

func rowOf(kind, table, id string) []byte { return []byte(rowsOf[kind] + table + "/" + id) }

// ARN returns the ARN of what h is about.
func (h *Head) ARN() string { return h.TableARN + "/" + h.Kind + "/" + h.ID }

func (h *Head) head() *Head { return h }

// headed is a pointer to a kind of record.
type headed interface{ head() *Head }

// request is a pointer to a generated input.
type request interface {
	AppendJSON([]byte) []byte
	Decode(*wire.Scanner) error
}

// newHead returns the head of a new record for a request about a table.
func (t *Transfers) newHead(kind string, d *table.Descriptor, arn, token string, in request) Head {
	now := t.Now()
	return Head{
		Kind: kind, ID: fmt.Sprintf("%014d-%s", max(0, now.UnixMilli()), uuid.NewString()[:8]),
		Table: d.Name, TableID: d.ID, TableARN: arn, Request: in.AppendJSON(nil), Token: token, Status: InProgress, Started: now,
	}
}

// decode reads the request of h.
func (h *Head) decode(in request) error {
	if err := in.Decode(wire.NewScanner(h.Request)); err != nil {
		return fmt.Errorf("request of %s %s: %w", h.Kind, h.ID, err)
	}
	return nil
}

// token is a client token that was used.
type token struct {
	Kind, Token string
	Digest      []byte // of the request
	Table, ID   string // of the record
	Used        time.Time
}

// tokenLife is how long a token stands for its request. (API reference,
// ExportTableToPointInTime, ImportTable, StartBulkPutItems.)
const tokenLife = 8 * time.Hour

// maxToken is how long a token may be to be in a row's key as it is.
const maxToken = 1 << 10

// tokenRow has the owner, which begins with a digit, before the kind, which does
// not: a token may be any text, also that of an owner. Of a long one, which nothing
// forbids, it has a hash.
func tokenRow(kind, owner, value string) []byte {
	row := tokenRows + owner + kind + "/"
	if len(value) > maxToken {
		return fmt.Appendf(nil, "%s%x", row, sha256.Sum256([]byte(value)))
	}
	return []byte(row + value)
}

// used returns the token of an owner's request of a kind if it stands for one that
// was made; ErrTokenMismatch if that was another one.
func (t *Transfers) used(ctx context.Context, r kv.Reader, kind, owner, value string, in request) (*token, error) {
	if value == "" {
		return nil, nil
	}
	k, err := record.Read[token](ctx, r, tokenRow(kind, owner, value))
	if err != nil || k == nil {
		return nil, err
	}
	if t.Now().Sub(k.Used) >= tokenLife {
		return nil, nil
	}
	digest := sha256.Sum256(in.AppendJSON(nil))
	if string(k.Digest) != string(digest[:]) {
		return nil, ErrTokenMismatch
	}
	return k, nil
}

// made returns what a request of a kind made that had the same client token, nil
// if there is no such record.
func made[T any, R interface {
	*T
	headed
}](ctx context.Context, t *Transfers, kind, owner, value string, in request) (found *T, err error) {
	err = t.Store.View(ctx, kv.ReadOptions{Consistent: true}, func(r kv.Reader) error {
		found = nil
		k, err := t.used(ctx, r, kind, owner, value, in)
		if k == nil || err != nil {
			return err
		}
		found, err = record.Read[T](ctx, r, rowOf(kind, k.Table, k.ID))
		return err
	})
	return found, err
}

// add stores a new record and its token. It returns errTaken if the token was
// used meanwhile, and *TooMany.
func (t *Transfers) add(ctx context.Context, r headed, in request) error {
	h := r.head()
	if err := t.count(h.Kind, 1); err != nil {
		return err
	}
	err := t.store(ctx, r, in)
	if err != nil {
		_ = t.count(h.Kind, -1)
	}
	return err
}

func (t *Transfers) store(ctx context.Context, r headed, in request) error {
	h := r.head()
	keys := [][]byte{h.row()}
	if h.Token != "" {
		keys = append(keys, h.tokenRow())
	}
	return t.Store.Update(ctx, kv.TxOptions{Keys: keys}, func(tx kv.Tx) error {
		if h.Token != "" {
			if k, err := t.used(ctx, tx, h.Kind, table.OwnerOf(h.Table), h.Token, in); k != nil || err != nil {
				return cmp.Or(err, errTaken)
			}
			digest := sha256.Sum256(in.AppendJSON(nil))
			if err := record.Put(tx, h.tokenRow(), token{h.Kind, h.Token, digest[:], h.Table, h.ID, h.Started}); err != nil {
				return err
			}
		}
		return record.Put(tx, h.row(), r)
	})
}

var errTaken = errors.New("the client token was used meanwhile")

// takenBy returns what the request made that has used the client token meanwhile;
// errTaken if it failed meanwhile too.
func takenBy[T any](found *T, err error) (*T, error) {
	if err == nil && found == nil {
		err = errTaken
	}
	return found, err
}

// save stores a record that is there.
func (t *Transfers) save(ctx context.Context, r headed) error {
	key := r.head().row()
	return t.Store.Update(ctx, kv.TxOptions{Keys: [][]byte{key}}, func(tx kv.Tx) error { return record.Put(tx, key, r) })
}

// remove removes a record, and its token.
func (t *Transfers) remove(ctx context.Context, h *Head) error {
	keys := [][]byte{h.row()}
	if h.Token != "" {
		keys = append(keys, h.tokenRow())
	}
	return record.Remove(ctx, t.Store, keys...)
}

// end stores that a record is over; if it cannot, the record is not.
func (t *Transfers) end(ctx context.Context, r headed, status string, why *failure) error {
	h := r.head()
	h.Status, h.Ended = status, t.Now()
	if why != nil {
		h.FailureCode, h.FailureMessage = why.code, why.text
	}
	err := t.save(context.WithoutCancel(ctx), r)
	if err != nil {
		h.Status, h.Ended = InProgress, time.Time{}
	}
	return err
}

// get returns the record of a kind that arn names; ErrNotFound if there is none.
func get[T any, R interface {
	*T
	headed
}](ctx context.Context, t *Transfers, kind, arn string) (*T, error) {
	of, id, ok := strings.Cut(arn, "/"+kind+"/")
	if _, isARN := model.TableOfARN(of); !ok || !isARN {
		return nil, ErrNotFound
	}
	found, err := record.Get[T](ctx, t.Store, rowOf(kind, t.Engine.Home.Name("", of), id))
	if err == nil && (found == nil || R(found).head().ARN() != arn) { // or it is of another account or region
		return nil, ErrNotFound
	}
	return found, err
}

// Page says which records are listed.
type Page struct {
	Owner string // of the table, see table.Home
	Table string // "" for those of all tables of Owner
	After string // the ARN of the last record of the page before
	Limit int
}

// list returns a page of the records of a kind, in the descending order of what
// order makes of their ARNs, and whether there are more.
func list[T any, R interface {
	*T
	headed
}](ctx context.Context, t *Transfers, kind string, p Page, order func(arn string) string) (found []*T, more bool, err error) {
	prefix := rowsOf[kind]
	if p.Table != "" {
		prefix += p.Table + "/"
	}
	place := func(r *T) string { return order(R(r).head().ARN()) }
	found, err = record.Select(ctx, t.Store, record.Under(prefix), 0, func(r *T) bool {
		return table.OwnerOf(R(r).head().Table) == p.Owner && (p.After == "" || place(r) < order(p.After))
	})
	slices.SortFunc(found, func(a, b *T) int { return strings.Compare(place(b), place(a)) })
	if len(found) > p.Limit {
		return found[:p.Limit], true, err
	}
	return found, false, err
}

// byARN is the order of ListExports. (API reference: reverse alphanumeric.)
func byARN(arn string) string { return arn }

// byTime is the order of ListBulkOperations, newest first; that of ListImports
// has no source.
func byTime(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] + arn }
