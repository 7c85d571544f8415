package model

import (
	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/wire"
)

// maxElements bounds a list or map of a request, so that a body cannot ask
// for far more memory than it has bytes. No member may legally have as many.
const maxElements = 100_000

// A decoder reads one value that is not null into p. Its only errors are
// SerializationExceptions.
type decoder[T any] = func(p *T, s *wire.Scanner) error

// opt reads a member into o.
func opt[T any](s *wire.Scanner, o *Opt[T], value decoder[T]) error {
	if err := value(&o.V, s); err != nil {
		return err
	}
	o.Set = true
	return nil
}

// structure reads a member that is a structure.
func structure[T any](s *wire.Scanner, p **T, value decoder[T]) error {
	v := new(T)
	*p = v
	return value(v, s)
}

// list reads a list; null elements become zero values.
func list[T any](s *wire.Scanner, l *[]T, elem decoder[T]) error {
	if err := s.List(); err != nil {
		return err
	}
	out := []T{}
	for {
		more, err := s.NextElem()
		if err != nil {
			return err
		}
		if !more {
			*l = out
			return nil
		}
		if len(out) == maxElements {
			return ddberr.Serialization("")
		}
		var zero T
		out = append(out, zero)
		if s.Null() {
			continue
		}
		if err := elem(&out[len(out)-1], s); err != nil {
			return err
		}
	}
}

// entries reads a map; class names the type of its values for the error text.
func entries[V any](s *wire.Scanner, class string, m *[]Entry[V], value decoder[V]) error {
	if err := s.Map(class); err != nil {
		return err
	}
	out := []Entry[V]{}
	for {
		key, ok, err := s.NextKey()
		if err != nil {
			return err
		}
		if !ok {
			*m = unique(out)
			return nil
		}
		if len(out) == maxElements {
			return ddberr.Serialization("")
		}
		out = append(out, Entry[V]{Key: string(key)})
		if s.Null() {
			continue
		}
		if err := value(&out[len(out)-1].Value, s); err != nil {
			return err
		}
	}
}

func decodeString(p *string, s *wire.Scanner) error {
	text, err := s.Text()
	*p = string(text)
	return err
}

// decodeEnum reads a string; a legal value costs no memory.
func decodeEnum(s *wire.Scanner, o *Opt[string], e *enumeration) error {
	text, err := s.Text()
	*o = Some(e.intern(text))
	return err
}

func decodeInteger(p *int64, s *wire.Scanner) (err error) {
	*p, err = s.Int("Integer")
	return err
}

func decodeLong(p *int64, s *wire.Scanner) (err error) {
	*p, err = s.Int("Long")
	return err
}

func decodeDouble(p *float64, s *wire.Scanner) (err error) {
	*p, err = s.Float()
	return err
}

func decodeBool(p *bool, s *wire.Scanner) (err error) {
	*p, err = s.Bool()
	return err
}

func decodeTimestamp(p *Timestamp, s *wire.Scanner) error {
	seconds, err := s.Float()
	*p = timestampFromSeconds(seconds)
	return err
}

// decodeItem reads an item of a response, where a bad value is an error.
func decodeItem(p *attr.Item, s *wire.Scanner) error {
	var in attr.InputItem
	if err := in.Decode(s); err != nil {
		return err
	}
	if in.Fault != nil {
		return in.Fault.In(ddberr.Bare)
	}
	*p = in.Item
	return nil
}
