package itemfile

import (
	"bytes"
	"errors"
	"io"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/wire"
)

// Ion text is translated to what the record would be in JSON, which is then
// decoded: one decoder knows what an item is. Types (developer guide, "Amazon S3
// import formats for DynamoDB"): string S, decimal and int N, blob B, bool BOOL,
// null NULL, list L, struct M, and lists annotated $dynamodb_SS, _NS, _BS sets.
// Other values have no type in DynamoDB.

// ionDecoder reads the records of a sequence of Ion values. One is usually a line,
// and begins with the version marker; where a line is no whole value the next ones
// belong to it, up to one that begins with the marker.
type ionDecoder struct {
	lines   *lines
	held    []byte // the line to read next, nil if it has to be read
	rest    []byte // what follows the last value in its line
	record  []byte // the lines of a longer record
	json    []byte
	scratch []byte
	wire    wire.Scanner
}

// versionMarker begins a line that begins a record.
var versionMarker = []byte("$ion_1_0")

func (d *ionDecoder) decode(r *Record) error {
	for {
		for len(d.rest) > 0 {
			p := ionParser{text: d.rest, out: d.json[:0], scratch: d.scratch}
			found, err := p.record()
			if errors.Is(err, errShort) {
				text, failed := d.whole()
				if failed != nil {
					d.rest = nil
					return reported(r, failed)
				}
				p = ionParser{text: text, out: d.json[:0], scratch: d.scratch}
				found, err = p.record()
			}
			d.json, d.scratch, d.rest = p.out, p.scratch, p.text[p.pos:]
			if err != nil {
				d.rest = nil // where the next value begins is not known
				r.Err = err
				return nil
			}
			if found {
				d.wire.Reset(d.json)
				decodeRecord(&d.wire, r)
				return nil
			}
		}
		line, err := d.line()
		if err != nil {
			return reported(r, err)
		}
		d.rest = line
	}
}

// reported makes err the error of r if it is that of a record.
func reported(r *Record, err error) error {
	if !errors.Is(err, errLong) && !errors.Is(err, errShort) && !errors.Is(err, errIon) {
		return err
	}
	r.Err = err
	return nil
}

func (d *ionDecoder) line() ([]byte, error) {
	if held := d.held; held != nil {
		d.held = nil
		return held, nil
	}
	return d.lines.next()
}

// whole returns the rest of the line with the following ones that belong to it.
func (d *ionDecoder) whole() ([]byte, error) {
	if cap(d.record) > 4*bufferBytes {
		d.record = nil
	}
	d.record = append(d.record[:0], d.rest...)
	var b balance
	line := d.record
	for done := b.add(line); !done; {
		if b.broken(line) {
			return nil, errIon
		}
		var err error
		line, err = d.lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errShort
		case err != nil:
			return nil, err
		case (b.inside == 0 || b.inside == 'b') && bytes.HasPrefix(line, versionMarker):
			d.held = bytes.Clone(line)
			return nil, errShort
		case len(d.record)+1+len(line) > maxRecord:
			return nil, errLong
		}
		d.record = append(append(d.record, '\n'), line...)
		done = b.add(d.record[len(d.record)-len(line)-1:])
	}
	return d.record, nil
}

// The errors of Ion text. DynamoDB's texts are not known.
var (
	errShort   = errors.New("the record ends in the middle of a value")
	errIon     = errors.New("the record is not well-formed Ion text")
	errIonType = errors.New("the record has a value of an Ion type that DynamoDB does not have")
)

// maxIonDepth is how deep the containers of a record nest that are looked into;
// any deeper and the item in it is too deep.
const maxIonDepth = attr.MaxDepth + 4

// ionParser reads one Ion text and writes its records as JSON.
type ionParser struct {
	text    []byte
	pos     int
	out     []byte
	scratch []byte // of strings with escapes
}

// record translates the next value at the top, if there is one before the text
// ends.
func (p *ionParser) record() (found bool, err error) {
	for {
		if err := p.space(); err != nil {
			return false, err
		}
		rest := p.text[p.pos:]
		switch {
		case len(rest) == 0:
			return false, nil
		case rest[0] == '{' && !bytes.HasPrefix(rest, []byte("{{")):
			return true, p.members(0)
		case bytes.HasPrefix(rest, versionMarker) && (len(rest) == len(versionMarker) || !isIdentifier(rest[len(versionMarker)])):
			p.pos += len(versionMarker)
		default:
			return true, errIon
		}
	}
}

// members translates a struct of the record itself: the items in it to their
// values, the rest to what it is. inner is the number of structs around it.
func (p *ionParser) members(inner int) error {
	return p.structure(func(name []byte) error {
		switch string(name) {
		case "Item", "Keys", "OldImage", "NewImage", "Metadata", "ExpressionAttributeValues":
			return p.item()
		case "ConditionExpression":
			return p.plainText()
		case "ExpressionAttributeNames":
			return p.structure(func([]byte) error { return p.plainText() })
		case "Record":
			if inner == 0 && p.peek() == '{' {
				return p.members(1)
			}
		}
		return p.value(0) // of no meaning, but it has to be Ion
	})
}

// item translates the struct of an item's attributes.
func (p *ionParser) item() error {
	return p.structure(func([]byte) error { return p.value(1) })
}

// structure translates a struct; member translates the value of each member.
func (p *ionParser) structure(member func(name []byte) error) error {
	if err := p.open('{'); err != nil {
		return err
	}
	p.out = append(p.out, '{')
	for first := true; ; first = false {
		more, err := p.next('}', first)
		if err != nil {
			return err
		}
		if !more {
			p.out = append(p.out, '}')
			return nil
		}
		name, err := p.name()
		if err != nil {
			return err
		}
		if !first {
			p.out = append(p.out, ',')
		}
		p.out = append(wire.AppendString(p.out, name), ':')
		if err := p.space(); err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
}

// plainText translates a string that is no attribute value.
func (p *ionParser) plainText() error {
	text, err := p.textValue()
	if err != nil {
		return err
	}
	p.out = wire.AppendString(p.out, text)
	return nil
}

// value translates a value to an attribute value.
func (p *ionParser) value(depth int) error {
	if depth > maxIonDepth {
		return ddberr.NestingTooDeep.Fault()
	}
	set, err := p.annotations()
	if err != nil {
		return err
	}
	if set != attr.Absent {
		return p.set(set)
	}
	start := len(p.out)
	switch c := p.peek(); {
	case c == 0 && p.pos == len(p.text):
		return errShort
	case c == '"' || bytes.HasPrefix(p.text[p.pos:], longQuote):
		p.out = append(p.out, `{"S":`...)
		err = p.plainText()
	case bytes.HasPrefix(p.text[p.pos:], []byte("{{")):
		p.out = append(p.out, `{"B":`...)
		err = p.blob()
	case c == '{':
		p.out = append(p.out, `{"M":`...)
		err = p.structure(func([]byte) error { return p.value(depth + 1) })
	case c == '[':
		p.out = append(p.out, `{"L":`...)
		err = p.list(func() error { return p.value(depth + 1) })
	case c == '-' || c >= '0' && c <= '9':
		p.out = append(p.out, `{"N":`...)
		err = p.number()
	default:
		return p.keyword(start)
	}
	p.out = append(p.out, '}')
	return err
}

// annotations reads what stands before a value and returns the type of set that
// it makes of a list.
func (p *ionParser) annotations() (set attr.Type, err error) {
	for c := p.peek(); c == '\'' || isIdentifier(c); c = p.peek() {
		at := p.pos
		symbol, err := p.symbol()
		if errors.Is(err, errShort) {
			return 0, err
		}
		if err == nil {
			err = p.space()
		}
		if err != nil || !bytes.HasPrefix(p.text[p.pos:], []byte("::")) {
			p.pos = at // a value
			return set, nil
		}
		if name, ok := bytes.CutPrefix(symbol, []byte("$dynamodb_")); ok {
			if t := attr.ParseType(string(name)); t.IsSet() {
				set = t
			}
		}
		p.pos += 2
		if err := p.space(); err != nil {
			return 0, err
		}
	}
	return set, nil
}

func (p *ionParser) set(t attr.Type) error {
	p.out = append(append(append(p.out, `{"`...), t.String()...), `":`...)
	err := p.list(func() error {
		switch t {
		case attr.SS:
			return p.plainText()
		case attr.BS:
			return p.blob()
		}
		return p.number()
	})
	p.out = append(p.out, '}')
	return err
}

// list translates a list; elem translates each element.
func (p *ionParser) list(elem func() error) error {
	if err := p.open('['); err != nil {
		return err
	}
	p.out = append(p.out, '[')
	for first := true; ; first = false {
		more, err := p.next(']', first)
		if err != nil {
			return err
		}
		if !more {
			p.out = append(p.out, ']')
			return nil
		}
		if !first {
			p.out = append(p.out, ',')
		}
		if err := elem(); err != nil {
			return err
		}
	}
}

// keyword translates true, false and null.
func (p *ionParser) keyword(start int) error {
	at := p.pos
	for p.pos < len(p.text) && isIdentifier(p.text[p.pos]) {
		p.pos++
	}
	switch word := string(p.text[at:p.pos]); word {
	case "true", "false":
		p.out = append(append(append(p.out[:start], `{"BOOL":`...), word...), '}')
		return nil
	case "null":
		if p.peek() == '.' { // null.string is null too
			for p.pos++; p.pos < len(p.text) && isIdentifier(p.text[p.pos]); p.pos++ {
			}
		}
		p.out = append(p.out[:start], `{"NULL":true}`...)
		return nil
	}
	return p.shortOr(errIonType)
}
