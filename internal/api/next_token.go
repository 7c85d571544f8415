package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
)

// scope is what a NextToken is for: it says where a SELECT goes on, and works
// with the same statement and parameters only.
type scope struct{ statement []byte }

// tokenVersion is the first byte of a token.
const tokenVersion = 1

const tokenSumLen = 16

// tokenScope returns the scope of the tokens of a request.
func tokenScope(in *model.ExecuteStatementInput) scope {
	text := binary.AppendUvarint(nil, uint64(len(in.Statement.V)))
	text = append(text, in.Statement.V...)
	for _, p := range in.Parameters {
		text = append(text, p.Value.Stored()...)
	}
	return scope{text}
}

// sum is what shows that a token belongs to s and was not changed.
func (s scope) sum(place []byte) []byte {
	h := sha256.New()
	h.Write(s.statement)
	h.Write(place)
	return h.Sum(nil)[:tokenSumLen]
}

// encode returns the token for r: version, sum, index of the range, key.
func (s scope) encode(r resume) string {
	place := binary.AppendUvarint(nil, uint64(r.at))
	place = append(place, r.start.Stored()...)
	token := append([]byte{tokenVersion}, s.sum(place)...)
	return base64.URLEncoding.EncodeToString(append(token, place...))
}

// decode returns the place that a token names, the beginning if it is absent.
// A key is of any shape: who uses it checks that it fits.
func (s scope) decode(token model.Opt[string]) (resume, error) {
	if !token.Set {
		return resume{}, nil
	}
	raw, err := base64.URLEncoding.DecodeString(token.V)
	if err != nil || len(raw) < 1+tokenSumLen || raw[0] != tokenVersion {
		return resume{}, ddberr.StatementToken.Fault()
	}
	sum, place := raw[1:1+tokenSumLen], raw[1+tokenSumLen:]
	at, n := binary.Uvarint(place)
	if n <= 0 || at > 1<<20 || !bytes.Equal(sum, s.sum(place)) || attr.Verify(place[n:]) != nil {
		return resume{}, ddberr.StatementToken.Fault()
	}
	return resume{int(at), attr.FromStored(place[n:])}, nil
}
