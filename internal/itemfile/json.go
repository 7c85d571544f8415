package itemfile

import (
	"errors"
	"strconv"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/expr"
	"github.com/statordb/stator/internal/wire"
)

// errNoItem is the error of a record that is neither an item nor a change.
var errNoItem = errors.New("the record has no Item")

// jsonDecoder reads a record from each line.
type jsonDecoder struct {
	lines *lines
	wire  wire.Scanner
}

func (d *jsonDecoder) decode(r *Record) error {
	for {
		line, err := d.lines.next()
		switch {
		case errors.Is(err, errLong):
			r.Err = err
			return nil
		case err != nil:
			return err
		case isBlank(line):
			continue
		}
		d.wire.Reset(line)
		decodeRecord(&d.wire, r)
		return nil
	}
}

// decodeRecord reads the one record that s holds.
func decodeRecord(s *wire.Scanner, r *Record) {
	m := members{Record: r}
	if err := errors.Join(m.decode(s), s.Finish()); err != nil {
		r.Err = readable(err)
		return
	}
	r.Err = m.fault
	switch {
	case m.hasItem:
		r.Change = nil
	case r.Change != nil:
		r.Change.Written = m.written
	case r.Err == nil:
		r.Err = errNoItem
	}
}

// readable gives an error of syntax a text, where the service's answer to a
// request has none.
func readable(err error) error {
	var e *ddberr.Error
	if errors.As(err, &e) && e.Message != "" {
		return errors.New(e.Message)
	}
	return errors.New("the record is not well-formed")
}

// members are those of a record that is being read.
type members struct {
	*Record
	hasItem bool
	inside  bool  // a Record
	written int64 // as Change's
	fault   error // the first
}

func (m *members) decode(s *wire.Scanner) error {
	if err := s.Struct("Record"); err != nil {
		return err
	}
	for {
		key, more, err := s.NextKey()
		if err != nil || !more {
			return err
		}
		if err := m.member(s, string(key)); err != nil {
			return err
		}
	}
}

func (m *members) member(s *wire.Scanner, name string) error {
	switch name {
	case "Item":
		m.hasItem = true
		return m.item(s, &m.Item)
	case "Record": // around a change, in Ion
		if m.inside {
			return s.Skip()
		}
		m.inside = true
		return m.decode(s)
	case "Keys":
		return m.item(s, &m.change().Keys)
	case "OldImage":
		return m.item(s, &m.change().Old)
	case "NewImage":
		return m.item(s, &m.change().New)
	case "Metadata":
		return m.metadata(s)
	case "ConditionExpression":
		text, err := s.Text()
		condition := string(text)
		m.put().Condition = &condition
		return err
	case "ExpressionAttributeNames":
		return m.names(s)
	case "ExpressionAttributeValues":
		return m.put().Values.Decode(s)
	}
	return s.Skip()
}

func (m *members) change() *Change {
	if m.Change == nil {
		m.Change = new(Change)
	}
	return m.Change
}

func (m *members) put() *expr.Request {
	if m.Put == nil {
		m.Put = &expr.Request{Takes: []expr.Kind{expr.KindCondition}}
	}
	return m.Put
}

// item reads an item, remembering what is wrong with its values.
func (m *members) item(s *wire.Scanner, into *attr.Item) error {
	var in attr.InputItem
	if err := in.Decode(s); err != nil {
		return err
	}
	if in.Fault != nil && m.fault == nil {
		m.fault = in.Fault
	}
	*into = in.Item
	return nil
}

// metadata reads when a change was made.
func (m *members) metadata(s *wire.Scanner) error {
	var of attr.Item
	if err := m.item(s, &of); err != nil {
		return err
	}
	if written := of.Get("WriteTimestampMicros"); written.Type() == attr.N {
		micros, err := strconv.ParseInt(written.NumberText(), 10, 64)
		if err != nil {
			return err
		}
		m.written = micros
	}
	return nil
}

// names reads the placeholders of attribute names.
func (m *members) names(s *wire.Scanner) error {
	put := m.put()
	put.NamesGiven, put.Names = true, nil
	at := map[string]int{}
	if err := s.Map("String"); err != nil {
		return err
	}
	for {
		key, more, err := s.NextKey()
		if err != nil || !more {
			return err
		}
		name := expr.Name{Key: string(key)}
		text, err := s.Text()
		if err != nil {
			return err
		}
		name.Value = string(text)
		if i, ok := at[name.Key]; ok {
			put.Names[i] = name
			continue
		}
		at[name.Key] = len(put.Names)
		put.Names = append(put.Names, name)
	}
}
