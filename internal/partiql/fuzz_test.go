package partiql

import (
	"testing"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
)

var fuzzKeys = Keys{Hash: expr.KeyAttr{Name: "pk", Type: attr.S}, Sort: expr.KeyAttr{Name: "sk", Type: attr.N}}

// fuzzSeeds are statements of all kinds.
var fuzzSeeds = []string{
	`SELECT * FROM "Tab" WHERE pk = 'a' AND sk = 1`,
	`SELECT a.b, c[0], "d""e" FROM Tab."idx" WHERE pk IN ['a', ?] AND (sk < 3 OR sk > ?) ORDER BY pk DESC, sk`,
	`SELECT COUNT(*) FROM t WHERE attribute_exists(a) = TRUE AND NOT begins_with(b, 'x') OR c IS NOT MISSING`,
	`SELECT * FROM t WHERE a BETWEEN 1 AND 2 AND b NOT IN (1, 2) AND size(c) >= -.5e+3 -- end`,
	`INSERT INTO t VALUE {'pk': 'a', 'l': [1, {'x': <<'p', 'q'>>}], 'n': NULL, 'b': TRUE, 'p': ?}`,
	`UPDATE t SET a = a + 1, b = list_append(b, [?]) SET s = set_add(s, <<1>>) REMOVE m.x[3] WHERE pk = ? AND sk = 1 RETURNING ALL OLD *`,
	`FROM t WHERE pk = 'a' AND sk = 1 AND v <> 2 SET a = 'it''s' RETURNING MODIFIED NEW *`,
	`DELETE FROM t WHERE pk = 'a' AND 1 = sk /* all */ RETURNING ALL OLD *`,
	`EXISTS(SELECT * FROM t WHERE pk = 'a' AND sk = 1 AND v = 2)`,
	`SELECT * FROM t WHERE pk = 'a' AND sk >= 2 AND sk < 4 AND contains(ss, 'x') AND attribute_type(a, 'N')`,
}

// FuzzParse reads any text; what is a statement is bound, put to a key and
// run on an item.
func FuzzParse(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	item := attr.NewItem(
		attr.Attribute{Name: "pk", Value: attr.String("a")}, attr.Attribute{Name: "sk", Value: numeral("1")},
		attr.Attribute{Name: "a", Value: numeral("7")}, attr.Attribute{Name: "m", Value: attr.Map(attr.Attribute{Name: "x", Value: attr.List(attr.Null())})},
	)
	f.Fuzz(func(t *testing.T, text string) {
		s, fault := Parse(text)
		if fault != nil {
			fault.Render(ddberr.Older)
			return
		}
		parameters := make([]attr.InputValue, s.params)
		for i := range parameters {
			parameters[i].Value = [...]attr.Value{attr.String("a"), numeral("2"), attr.Set(attr.NS, []attr.Value{numeral("1")})}[i%3]
		}
		b, fault := s.Bind(parameters)
		if fault != nil {
			fault.Render(ddberr.Older)
			return
		}
		runOn(t, b, item)
	})
}

// runOn runs what a statement became.
func runOn(t *testing.T, b *Bound, item attr.Item) {
	switch b.Kind {
	case Insert:
		b.Item.Size()
	case Select:
		r, fault := b.Read(fuzzKeys)
		if fault != nil {
			fault.Render(ddberr.Older)
			return
		}
		if r.Filter.Eval(item) {
			b.Projection.Apply(item)
		}
	default:
		w, fault := b.Write(fuzzKeys)
		if fault != nil {
			fault.Render(ddberr.Older)
			return
		}
		w.Condition.Eval(item)
		if b.Kind == Update {
			if next, fault := b.Update.Apply(item); fault == nil && attr.Verify(next.Stored()) != nil && next.AsMap().Depth() <= attr.MaxDepth {
				t.Errorf("the update makes an item that cannot be stored")
			}
		}
	}
}

func numeral(text string) attr.Value {
	v, fault := attr.ParseNumber(text)
	if fault != nil {
		panic(fault)
	}
	return v
}
