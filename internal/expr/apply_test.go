package expr

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/attr"
)

// An update that copies a large attribute again and again, or grows it, fails
// without putting the copies together.
func TestApplyIsBounded(t *testing.T) {
	list := attr.List(attr.String(strings.Repeat("x", 300<<10)))
	old := attr.NewItem(attr.Attribute{Name: "l", Value: list}, attr.Attribute{Name: "s", Value: attr.String(strings.Repeat("x", 90<<10))})
	for _, value := range []string{"l", "list_append(l, l)"} {
		var sets []string
		for i := range 150 {
			sets = append(sets, fmt.Sprintf("a%d = %s", i, value))
		}
		text := "SET " + strings.Join(sets, ", ")
		for _, wrong := range []string{"", ", z = absent"} {
			text := text + wrong
			parsed, f := Parse(Request{Update: &text})
			if f != nil {
				t.Fatal(f)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, f = parsed.Update.Apply(old)
			runtime.ReadMemStats(&after)
			if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 4<<20 {
				t.Errorf("%s: %d bytes allocated", value, bytes)
			}
			want := "Item size to update has exceeded the maximum allowed size"
			if wrong != "" {
				want = "The provided expression refers to an attribute that does not exist in the item"
			}
			if f == nil || f.Error() != want {
				t.Errorf("%s%s: %v", value, wrong, f)
			}
		}
	}
}
