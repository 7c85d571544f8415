package model

import (
	"errors"
	"testing"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/wire"
)

// FuzzDecode decodes, checks and encodes a body as the request of every
// operation. Any *ddberr.Error is a fine answer.
func FuzzDecode(f *testing.F) {
	for _, tt := range violationTests {
		f.Add([]byte(tt.text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, make := range inputs {
			in := make()
			if err := in.Decode(wire.NewScanner(body)); err != nil {
				if e := (*ddberr.Error)(nil); !errors.As(err, &e) {
					t.Fatalf("%s: %v", name, err)
				}
				continue
			}
			var v Violations
			in.Validate(&v)
			for _, style := range []ddberr.Style{ddberr.Older, ddberr.Bare} {
				if err := v.Error(style); (err != nil) != v.Any() || err != nil && err.Message == "" {
					t.Fatalf("%s: violations %t, error %v", name, v.Any(), err)
				}
			}
			text := in.AppendJSON(nil)
			if err := make().Decode(wire.NewScanner(text)); err != nil {
				t.Fatalf("%s: %s: %v", name, text, err)
			}
		}
	})
}
