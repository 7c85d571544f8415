package ddberr

import "fmt"

// Style says how an operation words the faults of its requests. The service
// has been rewording its validator since June 2026; some operations have the
// new texts, some of those inside an envelope, others still the older ones.
type Style uint8

const (
	Older     Style = iota // the wording of 2026-05
	Bare                   // today's wording
	Enveloped              // today's wording behind "1 validation error detected: "
)

// Text is one fault in the wordings of both layers, as fmt formats.
type Text struct {
	Older   string
	Current string // empty: the same as Older
	Plain   bool   // never enveloped: it is found only after the table was read
}

// Fault makes a fault of t.
func (t *Text) Fault(args ...any) *Fault { return &Fault{Text: t, Args: args} }

// Fault is a fault in a request, before its wording is chosen.
type Fault struct {
	Text *Text
	Args []any
	// Placeholder is the ":name" whose value in ExpressionAttributeValues is
	// at fault, or empty.
	Placeholder string
}

// Error renders f in today's wording, for logs and tests.
func (f *Fault) Error() string { return f.Render(Bare) }

// Render returns the text of f in style s.
func (f *Fault) Render(s Style) string {
	format := f.Text.Older
	if s != Older && f.Text.Current != "" {
		format = f.Text.Current
	}
	text := format
	if len(f.Args) > 0 {
		text = fmt.Sprintf(format, f.Args...)
	}
	switch {
	case s == Older && f.Placeholder != "":
		return "ExpressionAttributeValues contains invalid value: " + text + " for key " + f.Placeholder
	case s == Enveloped && !f.Text.Plain:
		return "1 validation error detected: " + text
	}
	return text
}

// In returns f as a ValidationException in style s.
func (f *Fault) In(s Style) *Error { return New("ValidationException", f.Render(s)) }
