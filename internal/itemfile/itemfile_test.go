package itemfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/attr"
)

// number returns the N that text stands for.
func number(t testing.TB, text string) attr.Value {
	t.Helper()
	v, fault := attr.ParseNumber(text)
	if fault != nil {
		t.Fatalf("%s: %v", text, fault)
	}
	return v
}

func item(attrs ...any) attr.Item {
	var list []attr.Attribute
	for i := 0; i < len(attrs); i += 2 {
		list = append(list, attr.Attribute{Name: attrs[i].(string), Value: attrs[i+1].(attr.Value)})
	}
	return attr.NewItem(list...)
}

// samples are items with everything that an item may have.
func samples(t testing.TB) []attr.Item {
	every := ""
	for i := range 0x300 {
		every += string(rune(i))
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	numbers := []attr.Value{}
	for _, n := range []string{"0", "1", "-1", "600", "-2000", "1.5", "0.001", "-123.456", "1e125", "1e-130", "-9.9999999999999999999999999999999999999e125",
		"12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678", "100000000000000000000000000000000000001"} {
		if n == "100000000000000000000000000000000000001" {
			n = n[:38]
		}
		numbers = append(numbers, number(t, n))
	}
	deep := attr.String("deepest")
	for i := range attr.MaxDepth - 1 {
		if i%2 == 0 {
			deep = attr.List(deep)
		} else {
			deep = attr.Map(attr.Attribute{Name: "m", Value: deep})
		}
	}
	names := []any{}
	for _, n := range []string{"plain", "a b", "null", "true", "$10", "$", "$ion_1_0", "9", "it's", `q"`, `b\`, "line\nend", "ü", "\x00", "a::b", "//", "/*", "'''"} {
		names = append(names, n, attr.String("v "+n))
	}
	return []attr.Item{
		item("pk", attr.String("only a key")),
		item("pk", attr.String(""), "s", attr.String(every+`'''"\{{}}//`)),
		item("pk", attr.Binary(all), "none", attr.Binary(nil), "b", attr.Bool(true), "c", attr.Bool(false), "n", attr.Null()),
		item("numbers", attr.List(numbers...)),
		item("ns", attr.Set(attr.NS, numbers), "ss", attr.Set(attr.SS, []attr.Value{attr.String(""), attr.String("b"), attr.String(every)}),
			"bs", attr.Set(attr.BS, []attr.Value{attr.Binary(nil), attr.Binary(all)})),
		item("l", attr.List(), "m", attr.Map(), "deep", deep),
		item(names...),
		item("pk", attr.String("largest"), "s", attr.String(strings.Repeat("\x01", attr.MaxItemSize-20))),
		item("pk", attr.String("longest"), "l", attr.List(repeated(number(t, "-1e-130"), 100_000)...)),
	}
}

func repeated(v attr.Value, n int) []attr.Value {
	list := make([]attr.Value, n)
	for i := range list {
		list[i] = v
	}
	return list
}

func readAll(t testing.TB, r io.Reader, o Options) (all []Record) {
	t.Helper()
	reader, err := NewReader(r, o)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for {
		rec, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("record %d: %v", len(all), err)
		}
		all = append(all, rec)
	}
}

func forEachKind(t *testing.T, f func(*testing.T, Options)) {
	for _, format := range []Format{JSON, Ion} {
		for _, compression := range []Compression{None, Gzip, Zstd} {
			t.Run(fmt.Sprint(format, " ", compression), func(t *testing.T) { f(t, Options{Format: format, Compression: compression}) })
		}
	}
}

func TestItemsRoundTrip(t *testing.T) {
	forEachKind(t, func(t *testing.T, o Options) {
		var file bytes.Buffer
		w, err := NewWriter(&file, o.Format, o.Compression)
		if err != nil {
			t.Fatal(err)
		}
		items := samples(t)
		for _, it := range items {
			if err := w.WriteItem(it); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		read := readAll(t, &file, o)
		if len(read) != len(items) {
			t.Fatalf("%d records of %d items", len(read), len(items))
		}
		for i, r := range read {
			if r.Err != nil || r.Index != int64(i) || r.Change != nil || !r.Item.Equal(items[i]) {
				t.Errorf("record %d: index %d, %v", i, r.Index, r.Err)
			}
		}
	})
}

func TestChangesRoundTrip(t *testing.T) {
	forEachKind(t, func(t *testing.T, o Options) {
		var file bytes.Buffer
		w, err := NewWriter(&file, o.Format, o.Compression)
		if err != nil {
			t.Fatal(err)
		}
		var changes []Change
		for i, it := range samples(t) {
			c := Change{Written: 1684374845117899 + int64(i), Keys: item("pk", attr.String(fmt.Sprint(i)))}
			if i%3 != 1 {
				c.Old = it
			}
			if i%3 != 2 {
				c.New = it
			}
			changes = append(changes, c)
			if err := w.WriteChange(c); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for i, r := range readAll(t, &file, o) {
			want := changes[i]
			if r.Err != nil || r.Change == nil || r.Change.Written != want.Written || !r.Change.Keys.Equal(want.Keys) ||
				!r.Change.Old.Equal(want.Old) || !r.Change.New.Equal(want.New) {
				t.Errorf("record %d: %v", i, r.Err)
			}
		}
	})
}

func TestEmptyFiles(t *testing.T) {
	forEachKind(t, func(t *testing.T, o Options) {
		var file bytes.Buffer
		w, err := NewWriter(&file, o.Format, o.Compression)
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, content := range []io.Reader{&file, strings.NewReader("")} {
			if read := readAll(t, content, o); read != nil {
				t.Errorf("an empty file has %v", read)
			}
		}
	})
}

// TestDamagedFiles flips each bit of compressed files: what is read before the
// damage is found is what was written, and damage that changes an item is found.
func TestDamagedFiles(t *testing.T) {
	for _, compression := range []Compression{Gzip, Zstd} {
		var file bytes.Buffer
		w, err := NewWriter(&file, JSON, compression)
		if err != nil {
			t.Fatal(err)
		}
		items := samples(t)[:3]
		for _, it := range items {
			if err := w.WriteItem(it); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		whole := file.Bytes()
		found := 0
		for bit := range 8 * len(whole) {
			damaged := bytes.Clone(whole)
			damaged[bit/8] ^= 1 << (bit % 8)
			if !harmless(damaged, compression, items) {
				found++
			}
		}
		if found < 7*len(whole) {
			t.Errorf("%s: %d of %d flipped bits were found", compression, found, 8*len(whole))
		}
		for cut := 1; cut < len(whole); cut++ {
			if harmless(whole[:cut], compression, items) {
				t.Errorf("%s: a file cut off at %d of %d is whole", compression, cut, len(whole))
			}
		}
	}
}

// harmless reports whether file still holds items, and nothing else.
func harmless(file []byte, c Compression, items []attr.Item) bool {
	r, err := NewReader(bytes.NewReader(file), Options{Format: JSON, Compression: c})
	if err != nil {
		return false
	}
	defer r.Close()
	for i := 0; ; i++ {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return i == len(items)
		}
		if err != nil || i == len(items) || rec.Err != nil || !rec.Item.Equal(items[i]) {
			return false
		}
	}
}

// zeros yields n times c.
type zeros struct {
	n int
	c byte
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := min(z.n, len(p))
	for i := range p[:n] {
		p[i] = z.c
	}
	z.n -= n
	return n, nil
}

// TestLongRecords has a record of 200 MB, which is skipped, before an item.
func TestLongRecords(t *testing.T) {
	for format, next := range map[Format]string{JSON: "\n" + `{"Item":{"pk":{"S":"x"}}}`, Ion: "\n" + `$ion_1_0 {Item:{pk:"x"}}`, CSV: "\nx"} {
		file := io.MultiReader(strings.NewReader(" "), &zeros{200 << 20, 'y'}, strings.NewReader(next))
		read := readAll(t, file, Options{Format: format, CSV: CSVOptions{Header: []string{"pk"}}})
		if len(read) != 2 || !errors.Is(read[0].Err, errLong) || read[1].Err != nil || !read[1].Item.Equal(item("pk", attr.String("x"))) {
			t.Errorf("%s: %d records", format, len(read))
		}
	}
}

// TestManyLinesInOneRecord ends soon, whatever a record spans.
func TestManyLinesInOneRecord(t *testing.T) {
	for _, c := range []struct {
		format Format
		start  string
		fill   byte
	}{{CSV, `"`, '\n'}, {Ion, "{Item:{a:[", '\n'}, {Ion, "{Item:{a:'''", '\n'}, {Ion, "/*", '\n'}} {
		file := io.MultiReader(strings.NewReader(c.start), &zeros{40 << 20, c.fill})
		read := readAll(t, file, Options{Format: c.format, CSV: CSVOptions{Header: []string{"pk"}}})
		if len(read) == 0 || read[0].Err == nil {
			t.Errorf("%s %s: %d records", c.format, c.start, len(read))
		}
	}
}

func BenchmarkRead(b *testing.B) {
	source := rand.New(rand.NewPCG(1, 2))
	for _, o := range []Options{{Format: JSON}, {Format: JSON, Compression: Gzip}, {Format: JSON, Compression: Zstd}, {Format: Ion}, {Format: CSV}} {
		var file bytes.Buffer
		name := fmt.Sprint(o.Format, " ", o.Compression)
		const items = 1000
		var w *Writer
		if o.Format != CSV {
			var err error
			if w, err = NewWriter(&file, o.Format, o.Compression); err != nil {
				b.Fatal(err)
			}
		} else {
			file.WriteString("pk,a,b,c,d,e,f,g\n")
		}
		for range items {
			attrs := []any{"pk", attr.String(fmt.Sprint(source.Uint64()))}
			fields := []string{fmt.Sprint(source.Uint64())}
			for _, n := range []string{"a", "b", "c", "d", "e", "f", "g"} {
				text := fmt.Sprintf("%x", source.Uint64()) + strings.Repeat("lorem ipsum ", 9)
				attrs = append(attrs, n, attr.String(text))
				fields = append(fields, text)
			}
			if w == nil {
				file.WriteString(strings.Join(fields, ",") + "\n")
			} else if err := w.WriteItem(item(attrs...)); err != nil {
				b.Fatal(err)
			}
		}
		if w != nil {
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(name, func(b *testing.B) {
			for range b.N {
				if n := len(readAll(b, bytes.NewReader(file.Bytes()), o)); n != items {
					b.Fatal(n)
				}
			}
			b.ReportMetric(float64(items*b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}
