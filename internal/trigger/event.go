package trigger

import (
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/wire"
)

// record is a change on its way to a consumer.
type record struct {
	stream.Record
	json []byte // as in the event
}

// lambdaRecord encodes r, of the stream of, as Lambda's event has it: as
// GetRecords shows it, with the ARN of the stream.
func (b base) lambdaRecord(of stream.Stream, r stream.Record) []byte {
	shown := b.streams.Describe(of, r)
	text := shown.AppendJSON(nil)
	text = append(text[:len(text)-1], `,"eventSourceARN":`...)
	return append(wire.AppendString(text, of.ARN), '}')
}

// event returns the event of a batch.
func event(batch []record) []byte {
	text := []byte(`{"Records":[`)
	for i, r := range batch {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, r.json...)
	}
	return append(text, "]}"...)
}
