package itemfile

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/statordb/stator/internal/attr"
)

// Writer writes records to a file.
type Writer struct {
	to     io.Writer
	finish func() error // of the compression
	ion    bool
	buf    []byte
}

// NewWriter returns a writer of a file of a format, JSON or Ion, that goes to w.
// The file is whole when Close has returned.
func NewWriter(to io.Writer, f Format, c Compression) (*Writer, error) {
	w := &Writer{to: to, finish: func() error { return nil }, ion: f == Ion}
	if f != JSON && f != Ion {
		return nil, fmt.Errorf("itemfile: items are not written as %q", f)
	}
	switch c {
	case Gzip:
		// The fastest level: writing is to keep up with reading the table.
		z, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		w.to, w.finish = z, z.Close
	case Zstd:
		z, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
		if err != nil {
			return nil, err
		}
		w.to, w.finish = z, z.Close
	case None, "":
	default:
		return nil, fmt.Errorf("itemfile: unknown compression %q", c)
	}
	return w, nil
}

// flushBytes is how much is written at a time.
const flushBytes = 16 << 10

// WriteItem writes the record of an item.
func (w *Writer) WriteItem(it attr.Item) error {
	if w.ion {
		w.buf = append(w.buf, `$ion_1_0 {Item:`...)
		w.buf = appendIonItem(w.buf, it)
	} else {
		w.buf = append(w.buf, `{"Item":`...)
		w.buf = it.AppendJSON(w.buf)
	}
	w.buf = append(w.buf, "}\n"...)
	return w.flush(flushBytes)
}

// WriteChange writes the record of a change, without the images that are empty.
func (w *Writer) WriteChange(c Change) error {
	images := []attr.Attribute{}
	if !c.Old.IsEmpty() {
		images = append(images, attr.Attribute{Name: "OldImage", Value: c.Old.AsMap()})
	}
	if !c.New.IsEmpty() {
		images = append(images, attr.Attribute{Name: "NewImage", Value: c.New.AsMap()})
	}
	if w.ion {
		w.buf = append(w.buf, `$ion_1_0 {Record:{Keys:`...)
		w.buf = appendIonItem(w.buf, c.Keys)
		w.buf = append(w.buf, `,Metadata:{WriteTimestampMicros:`...)
		w.buf = append(strconv.AppendInt(w.buf, c.Written, 10), ".}"...)
		for _, i := range images {
			w.buf = append(append(append(w.buf, ','), i.Name...), ':')
			w.buf = appendIonItem(w.buf, i.Value.AsItem())
		}
		w.buf = append(w.buf, '}')
	} else {
		w.buf = append(w.buf, `{"Metadata":{"WriteTimestampMicros":{"N":"`...)
		w.buf = append(strconv.AppendInt(w.buf, c.Written, 10), `"}},"Keys":`...)
		w.buf = c.Keys.AppendJSON(w.buf)
		for _, i := range images {
			w.buf = append(append(append(w.buf, `,"`...), i.Name...), `":`...)
			w.buf = i.Value.AsItem().AppendJSON(w.buf)
		}
	}
	w.buf = append(w.buf, "}\n"...)
	return w.flush(flushBytes)
}

// flush writes what there is if it is at least so many bytes.
func (w *Writer) flush(atLeast int) error {
	if len(w.buf) < atLeast {
		return nil
	}
	_, err := w.to.Write(w.buf)
	if w.buf = w.buf[:0]; cap(w.buf) > 64*flushBytes {
		w.buf = nil
	}
	return err
}

// Close writes what is left. It does not close what the file goes to.
func (w *Writer) Close() error { return errors.Join(w.flush(0), w.finish()) }

func appendIonItem(dst []byte, it attr.Item) []byte {
	dst = append(dst, '{')
	first := true
	for name, v := range it.All() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendIonName(dst, name), ':')
		dst = appendIonValue(dst, v)
	}
	return append(dst, '}')
}

func appendIonValue(dst []byte, v attr.Value) []byte {
	switch t := v.Type(); t {
	case attr.S:
		return appendIonText(dst, v.Str(), '"')
	case attr.N:
		return appendIonNumber(dst, v)
	case attr.B:
		dst = base64.StdEncoding.AppendEncode(append(dst, "{{"...), v.Bytes())
		return append(dst, "}}"...)
	case attr.BOOL:
		return strconv.AppendBool(dst, v.Bool())
	case attr.NULL:
		return append(dst, "null"...)
	case attr.M:
		return appendIonItem(dst, v.AsItem())
	case attr.L:
	default:
		dst = append(append(append(dst, "$dynamodb_"...), t.String()...), "::"...)
	}
	dst = append(dst, '[')
	first := true
	for e := range v.Elems() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendIonValue(dst, e)
	}
	return append(dst, ']')
}

// appendIonNumber appends the N v as the service does: 103., 1.5, 6d2 for 600.
func appendIonNumber(dst []byte, v attr.Value) []byte {
	start := len(dst)
	dst = attr.AppendNumber(dst, v)
	digits := len(dst)
	for i := start; i < len(dst); i++ {
		if dst[i] == '.' {
			return dst
		}
	}
	for dst[digits-1] == '0' && digits-start > 1 {
		digits--
	}
	if zeros := len(dst) - digits; zeros > 0 {
		return strconv.AppendInt(append(dst[:digits], 'd'), int64(zeros), 10)
	}
	return append(dst, '.')
}

// appendIonName appends the name of a member, in quotes unless it is an
// identifier of no other meaning.
func appendIonName(dst []byte, name string) []byte {
	switch name {
	case "null", "true", "false", "nan":
		return appendIonText(dst, name, '\'')
	}
	for _, c := range []byte(name) {
		if !isIdentifier(c) {
			return appendIonText(dst, name, '\'')
		}
	}
	if name[0] >= '0' && name[0] <= '9' || isSymbolNumber(name) {
		return appendIonText(dst, name, '\'')
	}
	return append(dst, name...)
}

const hexDigits = "0123456789abcdef"

// appendIonText appends text in quotes.
func appendIonText(dst []byte, text string, quote byte) []byte {
	dst = append(dst, quote)
	from := 0
	for i := range len(text) {
		c := text[i]
		if c >= 0x20 && c != quote && c != '\\' {
			continue
		}
		dst = append(dst, text[from:i]...)
		from = i + 1
		switch c {
		case quote, '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, text[from:]...), quote)
}
