package attr

import (
	"bytes"
	"sync"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/wire"
)

// InputItem is an item as a request carries it. A fault in one of its values
// is kept, not returned, because the service reports it only after the
// constraints of the whole request.
type InputItem struct {
	Item  Item
	Fault *ddberr.Fault // the first fault in document order, or nil; Item is then incomplete
	At    string        // the attribute that has the fault
	Given bool          // the member was present and not null
}

// Decode reads a JSON map of attribute values. The only errors are
// SerializationExceptions.
func (in *InputItem) Decode(s *wire.Scanner) error {
	d := newDecoder()
	defer d.release()
	if err := d.item(s); err != nil {
		return err
	}
	*in = InputItem{Item: Item{bytes.Clone(d.out)}, Fault: d.fault, At: d.at, Given: true}
	return nil
}

// InputValue is one attribute value as a request carries it.
type InputValue struct {
	Value Value
	Fault *ddberr.Fault // as InputItem's
}

// Decode reads a JSON attribute value. The only errors are
// SerializationExceptions.
func (in *InputValue) Decode(s *wire.Scanner) error {
	d := newDecoder()
	defer d.release()
	if err := d.value(s, 0); err != nil {
		return err
	}
	*in = InputValue{Value: Value{bytes.Clone(d.out)}, Fault: d.fault}
	return nil
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

func newDecoder() *decoder { return decoders.Get().(*decoder) }

// release keeps the memory of d for another request, unless it grew large.
func (d *decoder) release() {
	if cap(d.out) <= 64<<10 {
		*d = decoder{out: d.out[:0], parts: d.parts[:0], tmp: d.tmp[:0], sent: d.sent[:0]}
		decoders.Put(d)
	}
}
