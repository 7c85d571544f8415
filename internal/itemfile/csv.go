package itemfile

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/statordb/stator/internal/attr"
)

// csvDecoder reads an item from each line. A field may stand in quotes, and has to
// if there is a delimiter or the end of a line in it; a quote in a field is
// doubled. A field with nothing in it is an attribute that the item does not have.
// (Developer guide, "Amazon S3 import formats for DynamoDB".)
type csvDecoder struct {
	lines   *lines
	o       CSVOptions
	columns []column // nil until the header is known
	record  []byte   // the lines of an item
	fields  [][]byte
	attrs   []attr.Attribute
}

// column is an attribute that the items of a file have.
type column struct {
	name string
	kind attr.Type
}

func newCSVDecoder(l *lines, o CSVOptions) *csvDecoder {
	o.Delimiter = cmp.Or(o.Delimiter, ',')
	return &csvDecoder{lines: l, o: o}
}

// The errors of a line. DynamoDB's texts are not known.
var (
	errQuote   = errors.New("a double quote has to be escaped with another one")
	errColumns = errors.New("the number of columns does not match the header")
	errUTF8    = errors.New("the record is not UTF-8")
)

func (d *csvDecoder) decode(r *Record) error {
	if d.columns == nil {
		if err := d.header(); err != nil {
			return err
		}
	}
	err := d.read()
	if err == nil {
		r.Item, err = d.item()
	} else if !errors.Is(err, errQuote) && !errors.Is(err, errLong) {
		return err
	}
	r.Err = err
	return nil
}

// header finds the names of the columns.
func (d *csvDecoder) header() error {
	names := d.o.Header
	if names == nil {
		if err := d.read(); errors.Is(err, io.EOF) {
			return err
		} else if err != nil {
			return fmt.Errorf("the header: %w", err)
		}
		for _, f := range d.fields {
			names = append(names, string(f))
		}
	}
	seen := map[string]bool{}
	columns := make([]column, len(names))
	for i, name := range names {
		if fault := attr.CheckName(name); fault != nil {
			return fmt.Errorf("the header: column %d: %w", i+1, fault)
		}
		if !utf8.ValidString(name) {
			return fmt.Errorf("the header: column %d is not UTF-8", i+1)
		}
		if seen[name] {
			return fmt.Errorf("the header: there are two columns %s", strconv.Quote(name))
		}
		seen[name] = true
		columns[i] = column{name, cmp.Or(d.o.Types[name], attr.S)}
	}
	d.columns = columns
	return nil
}

// read reads the fields of the next item; those of d.fields share the memory of
// lines and record.
func (d *csvDecoder) read() error {
	line, err := d.lines.next()
	for err == nil && len(trimEnd(line)) == 0 {
		line, err = d.lines.next()
	}
	if err != nil {
		return err
	}
	done, err := d.split(trimEnd(line))
	if done || err != nil {
		return err
	}
	if err := d.readOn(line); err != nil {
		return err
	}
	if done, err := d.split(trimEnd(d.record)); done || err != nil {
		return err
	}
	return errQuote
}

// trimEnd cuts off what is left of the end of a line.
func trimEnd(line []byte) []byte { return bytes.TrimSuffix(line, []byte("\r")) }

// readOn makes record of line and the lines behind it that belong to its last
// field, which is in quotes: up to the one that makes the number of quotes even.
func (d *csvDecoder) readOn(line []byte) error {
	if cap(d.record) > 4*bufferBytes {
		d.record = nil
	}
	d.record = append(d.record[:0], line...)
	for open := true; open; {
		more, err := d.lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return errQuote
		case err != nil:
			return err
		case len(d.record)+1+len(more) > maxRecord:
			return errLong
		}
		d.record = append(append(d.record, '\n'), more...)
		open = bytes.Count(more, []byte{'"'})%2 == 0
	}
	return nil
}

// split cuts line into fields and reports whether it is a whole record.
func (d *csvDecoder) split(line []byte) (done bool, err error) {
	d.fields = d.fields[:0]
	for {
		var field []byte
		var rest []byte
		if len(line) > 0 && line[0] == '"' {
			field, rest, done, err = d.quoted(line[1:])
			if !done || err != nil {
				return done, err
			}
		} else {
			end := bytes.IndexByte(line, d.o.Delimiter)
			if end < 0 {
				end = len(line)
			}
			field, rest = line[:end], line[end:]
			if bytes.IndexByte(field, '"') >= 0 {
				if field, err = unquote(field); err != nil {
					return true, err
				}
			}
		}
		d.fields = append(d.fields, field)
		if len(rest) == 0 {
			return true, nil
		}
		line = rest[1:] // behind the delimiter
	}
}

// quoted reads the rest of a field whose first quote was read.
func (d *csvDecoder) quoted(text []byte) (field, rest []byte, done bool, err error) {
	doubled := false
	for i := 0; ; i += 2 {
		at := bytes.IndexByte(text[i:], '"')
		if at < 0 {
			return nil, nil, false, nil
		}
		i += at
		if i+1 < len(text) && text[i+1] == '"' {
			doubled = true
			continue
		}
		field, rest = text[:i], text[i+1:]
		if len(rest) > 0 && rest[0] != d.o.Delimiter {
			return nil, nil, true, errQuote
		}
		if doubled {
			field, err = unquote(field)
		}
		return field, rest, true, err
	}
}

// unquote makes one quote of every two in field.
func unquote(field []byte) ([]byte, error) {
	if bytes.Count(field, []byte(`"`)) != 2*bytes.Count(field, []byte(`""`)) {
		return nil, errQuote
	}
	return bytes.ReplaceAll(field, []byte(`""`), []byte(`"`)), nil
}

// item makes an item of the fields that were read.
func (d *csvDecoder) item() (attr.Item, error) {
	if len(d.fields) != len(d.columns) {
		return attr.Item{}, errColumns
	}
	d.attrs = d.attrs[:0]
	for i, c := range d.columns {
		if len(d.fields[i]) == 0 {
			continue
		}
		v, err := c.value(d.fields[i])
		if err != nil {
			return attr.Item{}, err
		}
		d.attrs = append(d.attrs, attr.Attribute{Name: c.name, Value: v})
	}
	return attr.NewItem(d.attrs...), nil
}

func (c column) value(field []byte) (attr.Value, error) {
	switch c.kind {
	case attr.N:
		v, fault := attr.ParseNumber(field)
		if fault != nil {
			return v, fault
		}
		return v, nil
	case attr.B:
		content, err := base64.StdEncoding.DecodeString(string(field))
		if err != nil {
			return attr.Value{}, fmt.Errorf("column %s is not base64", strconv.Quote(c.name))
		}
		return attr.Binary(content), nil
	}
	if !utf8.Valid(field) {
		return attr.Value{}, errUTF8
	}
	return attr.String(field), nil
}
