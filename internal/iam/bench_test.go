package iam_test

import (
	"testing"

	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/iam/iamtest"
)

func BenchmarkDecide(b *testing.B) {
	suite := load(b)
	for _, bench := range []struct{ name, line string }{
		{"simple", "allow identity GetItem table/Books LeadingKeys=1"},
		{"fine-grained", "allow identity GetItem table/GameScores who:www.amazon.com:user_id=u1 LeadingKeys=u1 Attributes=UserId|GameTitle|Wins Select=SPECIFIC_ATTRIBUTES"},
		{"variable", "allow identity GetItem table/David"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := find(b, suite, bench.line)
			b.ReportAllocs()
			for b.Loop() {
				if !iam.Decide(r).Allowed {
					b.Fatal("denied")
				}
			}
		})
	}
}

// find returns the first request of a line.
func find(t testing.TB, suite *iamtest.Suite, line string) iam.Request {
	t.Helper()
	for _, c := range suite.Cases {
		if c.Line == line {
			r, err := c.Request()
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
	}
	t.Fatalf("no decision is %q", line)
	return iam.Request{}
}
