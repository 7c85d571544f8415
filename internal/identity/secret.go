package identity

import (
	"fmt"
	"log/slog"
)

// Secret is a secret access key. It shows itself to nobody who prints, logs or
// encodes it: string(s) is the only way to it.
type Secret string

const hidden = "[secret]"

// Format implements fmt.Formatter, for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// String implements fmt.Stringer.
func (Secret) String() string { return hidden }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
