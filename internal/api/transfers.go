package api

import (
	"encoding/hex"
	"errors"
	"strings"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/transfer"
)

// transferError returns what the client sees of err: notFound if there is no such
// record, conflict if a client token stands for another request.
func transferError(err error, notFound, conflict *ddberr.Error) error {
	var many *transfer.TooMany
	switch {
	case errors.Is(err, transfer.ErrNotFound):
		return notFound
	case errors.Is(err, transfer.ErrTokenMismatch):
		return conflict
	case errors.As(err, &many):
		return ddberr.TooManyAtATime(many.Kind+"s", transfer.Most[many.Kind])
	}
	return err
}

// page returns the page of records that a request asks for.
func (a *API) page(of, token model.Opt[string], limit int64) (transfer.Page, error) {
	p := transfer.Page{Owner: a.owner, Limit: int(limit)}
	if of.Set {
		p.Table = a.tableName(of.V)
		p.Owner = table.OwnerOf(p.Table)
	}
	if !token.Set {
		return p, nil
	}
	raw, err := hex.DecodeString(token.V)
	if p.After = strings.TrimRight(string(raw), "\x00"); err != nil || !strings.HasPrefix(p.After, "arn:") {
		return p, ddberr.ExportNextToken.Fault()
	}
	return p, nil
}

// The form of a NextToken of ListImports: ([0-9a-f]{16})+, 112 characters or more.
const (
	tokenUnit = 8
	tokenMin  = 56
)

// pageToken returns the NextToken of the page behind the record with an ARN.
func pageToken(arn string, more bool) model.Opt[string] {
	if !more {
		return model.Opt[string]{}
	}
	raw := []byte(arn)
	for len(raw) < tokenMin || len(raw)%tokenUnit != 0 {
		raw = append(raw, 0)
	}
	return model.Some(hex.EncodeToString(raw))
}

// optional returns text as a member, absent if it is empty.
func optional(text string) model.Opt[string] {
	return model.Opt[string]{V: text, Set: text != ""}
}
