package attr

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/wire"
)

// MaxDepth is the number of levels that values may nest.
const MaxDepth = 32

// decoder turns JSON attribute values into the stored encoding in one pass.
// Faults of value are remembered and decoding goes on, to find faults of type.
type decoder struct {
	out   []byte
	fault *ddberr.Fault
	// nestedName is the fault of an empty name below the top, if there was no
	// other before; ranked says that it yields to a fault of nesting.
	nestedName *ddberr.Fault
	ranked     bool
	at         string // the top-level attribute at fault
	parts      []part // stack of the members or elements of the open containers
	tmp        []byte
	sent       []part // a set's elements as sent
}

// part is a member of a map or an element of a set in decoder.out.
type part struct{ start, name, value, end int }

func (d *decoder) fail(f *ddberr.Fault) {
	if d.fault == nil || d.fault == d.nestedName && f.Text == &ddberr.NestingTooDeep {
		d.fault = f
	}
}

// failName is fail for the name of a member. In an item, too much nesting
// stands back behind an empty name at the top, but not behind one inside.
func (d *decoder) failName(f *ddberr.Fault, depth int) {
	switch {
	case d.fault == nil && d.ranked && depth > 0:
		d.fault, d.nestedName = f, f
	case d.fault == nil, d.ranked && depth == 0 && d.fault.Text == &ddberr.NestingTooDeep:
		d.fault = f
	}
}

func (d *decoder) item(s *wire.Scanner) error {
	d.ranked = true
	if err := s.Map("AttributeValue"); err != nil {
		return err
	}
	return d.members(s, 0)
}

// members reads the members of a map whose '{' was read; depth is the number
// of containers around their values.
func (d *decoder) members(s *wire.Scanner, depth int) error {
	base, start, sorted := len(d.parts), len(d.out), true
	for {
		key, more, err := s.NextKey()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		before := d.fault
		if f := CheckName(view(key)); f != nil {
			d.failName(f, depth)
		}
		p := part{start: len(d.out)}
		d.out = binary.AppendUvarint(d.out, uint64(len(key)))
		p.name = len(d.out)
		d.out = append(d.out, key...)
		p.value = len(d.out)
		if err := d.value(s, depth); err != nil {
			return err
		}
		p.end = len(d.out)
		if d.fault != before && depth == 0 {
			d.at = string(d.name(p))
		}
		if n := len(d.parts); n > base && bytes.Compare(d.name(d.parts[n-1]), d.name(p)) >= 0 {
			sorted = false
		}
		d.parts = append(d.parts, p)
	}
	if !sorted {
		d.sortMembers(d.parts[base:], start)
	}
	d.parts = d.parts[:base]
	return nil
}

func (d *decoder) name(p part) []byte { return d.out[p.name:p.value] }

// sortMembers rewrites the members from start in the order of their names; of
// equal names the last stays.
func (d *decoder) sortMembers(parts []part, start int) {
	d.order(parts, func(a, b part) int { return bytes.Compare(d.name(a), d.name(b)) })
	d.tmp = append(d.tmp[:0], d.out[start:]...)
	sorted := d.out[:start]
	for i, p := range parts {
		if i+1 < len(parts) && bytes.Equal(d.tmp[p.name-start:p.value-start], d.tmp[parts[i+1].name-start:parts[i+1].value-start]) {
			continue
		}
		sorted = append(sorted, d.tmp[p.start-start:p.end-start]...)
	}
	d.out = sorted
}

// order sorts parts, stably.
func (d *decoder) order(parts []part, compare func(a, b part) int) {
	if len(parts) > 24 {
		slices.SortStableFunc(parts, compare)
		return
	}
	for i := 1; i < len(parts); i++ { // quicker for the few attributes of most items
		p, j := parts[i], i
		for ; j > 0 && compare(parts[j-1], p) > 0; j-- {
			parts[j] = parts[j-1]
		}
		parts[j] = p
	}
}

// value reads {"S": …} and its like.
func (d *decoder) value(s *wire.Scanner, depth int) error {
	start := len(d.out)
	if s.Null() {
		d.fail(ddberr.ValueEmpty.Fault())
		d.out = append(d.out, byte(NULL))
		return nil
	}
	if err := s.Struct("AttributeValue"); err != nil {
		return err
	}
	found := 0
	for {
		key, more, err := s.NextKey()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		t := ParseType(view(key))
		if t == Absent || s.Null() {
			if t == Absent {
				if err := s.Skip(); err != nil {
					return err
				}
			}
			continue
		}
		if found++; found > 1 {
			d.out = d.out[:start]
		}
		if err := d.typed(s, t, depth); err != nil {
			return err
		}
	}
	switch found {
	case 1:
		return nil
	case 0:
		d.fail(ddberr.ValueEmpty.Fault())
	default:
		d.fail(ddberr.ValueManyTypes.Fault())
	}
	d.out = append(d.out[:start], byte(NULL))
	return nil
}

// typed reads the content of a value of type t.
func (d *decoder) typed(s *wire.Scanner, t Type, depth int) error {
	if depth >= MaxDepth {
		d.fail(ddberr.NestingTooDeep.Fault())
		d.out = append(d.out, byte(NULL))
		return s.Skip()
	}
	switch t {
	case S, N, B:
		return d.scalar(s, t)
	case BOOL, NULL:
		b, err := s.Bool()
		if err != nil {
			return err
		}
		d.flag(t, b)
		return nil
	}
	start := len(d.out)
	d.out = append(d.out, byte(t), 0, 0, 0, 0)
	if err := d.container(s, t, depth); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(d.out[start+1:], uint32(len(d.out)-start-5))
	return nil
}

func (d *decoder) flag(t Type, b bool) {
	d.out = append(d.out, byte(t))
	switch {
	case t == NULL && !b:
		d.fail(ddberr.NullFalse.Fault())
	case t == BOOL && b:
		d.out = append(d.out, 1)
	case t == BOOL:
		d.out = append(d.out, 0)
	}
}

func (d *decoder) container(s *wire.Scanner, t Type, depth int) error {
	if t == M {
		if err := s.Map("AttributeValue"); err != nil {
			return err
		}
		return d.members(s, depth+1)
	}
	if err := s.List(); err != nil {
		return err
	}
	if t == L {
		return d.elements(s, depth+1)
	}
	return d.set(s, t)
}

func (d *decoder) elements(s *wire.Scanner, depth int) error {
	for {
		more, err := s.NextElem()
		if err != nil || !more {
			return err
		}
		if err := d.value(s, depth); err != nil {
			return err
		}
	}
}

// scalar reads an S, N or B, all of which are JSON strings.
func (d *decoder) scalar(s *wire.Scanner, t Type) error {
	text, err := s.Text()
	if err != nil {
		return err
	}
	switch t {
	case S:
		d.out = appendBytes(d.out, S, text)
	case N:
		d.number(text)
	case B:
		return d.binary(text)
	}
	return nil
}

func (d *decoder) number(text []byte) {
	var buf [maxDigits]byte
	dec, fault := parseDecimal(text, buf[:0])
	if fault != nil {
		d.fail(fault)
		dec = decimal{}
	}
	d.out = appendDecimal(append(d.out, byte(N)), dec)
}

func (d *decoder) binary(text []byte) error {
	if len(text)%4 != 0 {
		return ddberr.Serialization(fmt.Sprintf("Base64 encoded length is expected a multiple of 4 bytes but found: %d", len(text)))
	}
	size := base64.StdEncoding.DecodedLen(len(text))
	size -= len(text) - len(bytes.TrimRight(text, "="))
	d.out = append(d.out, byte(B))
	d.out = binary.AppendUvarint(d.out, uint64(max(size, 0)))
	start := len(d.out)
	out, err := base64.StdEncoding.Strict().AppendDecode(d.out, text)
	if err != nil || len(out)-start != size || bytes.ContainsAny(text, "\r\n") {
		return ddberr.Serialization("Invalid Base64 content")
	}
	d.out = out
	return nil
}

// set reads the elements of a set and sorts them.
func (d *decoder) set(s *wire.Scanner, t Type) error {
	base, start, sorted := len(d.parts), len(d.out), true
	for {
		more, err := s.NextElem()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		p := part{value: len(d.out)}
		if err := d.scalar(s, t.Elem()); err != nil {
			return err
		}
		p.end = len(d.out)
		if n := len(d.parts); n > base && d.compare(d.parts[n-1], p) >= 0 {
			sorted = false
		}
		d.parts = append(d.parts, p)
	}
	elems := d.parts[base:]
	if len(elems) == 0 {
		d.fail(emptySet(t))
	}
	if !sorted {
		d.sortSet(t, elems, start)
	}
	d.parts = d.parts[:base]
	return nil
}

func emptySet(t Type) *ddberr.Fault {
	switch t {
	case SS:
		return ddberr.StringSetEmpty.Fault()
	case NS:
		return ddberr.NumberSetEmpty.Fault()
	}
	return ddberr.BinarySetEmpty.Fault()
}

func (d *decoder) compare(a, b part) int {
	return Compare(Value{d.out[a.value:a.end]}, Value{d.out[b.value:b.end]})
}

func (d *decoder) sortSet(t Type, elems []part, start int) {
	sent := append(d.sent[:0], elems...)
	d.sent = sent
	d.order(elems, d.compare)
	for i := 1; i < len(elems); i++ {
		if d.fault == nil && d.compare(elems[i-1], elems[i]) == 0 {
			d.fail(d.duplicate(t, sent))
		}
	}
	d.tmp = append(d.tmp[:0], d.out[start:]...)
	d.out = d.out[:start]
	for _, e := range elems {
		d.out = append(d.out, d.tmp[e.value-start:e.end-start]...)
	}
}

// duplicate describes a set with a repeated element: as it was sent, and with
// the elements before the first repeat in order.
func (d *decoder) duplicate(t Type, sent []part) *ddberr.Fault {
	if t == NS {
		return ddberr.NumberSetDuplicate.Fault()
	}
	text, between := &ddberr.StringSetDuplicate, ", "
	if t == BS {
		text, between = &ddberr.BinarySetDuplicate, ","
	}
	asSent := d.texts(sent, "")
	ordered := slices.Clone(sent)
	slices.SortFunc(ordered[:d.firstRepeat(sent)], d.compare)
	return text.Fault(strings.Join(asSent, ", "), strings.Join(d.texts(ordered, `"`), between))
}

// firstRepeat returns the index of the first element that was there before.
func (d *decoder) firstRepeat(elems []part) int {
	seen := make(map[string]bool, len(elems))
	return slices.IndexFunc(elems, func(p part) bool {
		stored := view(d.out[p.value:p.end])
		repeats := seen[stored]
		seen[stored] = true
		return repeats
	})
}

func (d *decoder) texts(elems []part, quote string) []string {
	texts := make([]string, len(elems))
	for i, e := range elems {
		v := Value{d.out[e.value:e.end]}
		text := string(v.Bytes())
		if v.Type() == B {
			text = base64.StdEncoding.EncodeToString(v.Bytes())
		}
		texts[i] = quote + text + quote
	}
	return texts
}
