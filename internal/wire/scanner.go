// Package wire reads and writes JSON without reflection: a pull scanner over
// one request body, and append functions for responses. Faults of type are
// worded as DynamoDB's SerializationException.
package wire

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/statordb/stator/internal/ddberr"
)

// Kind is the kind of the next JSON token.
type Kind uint8

// The kinds; End is the end of the body or a byte that starts no value.
const (
	End Kind = iota
	Object
	Array
	String
	Number
	True
	False
	Null
)

// maxDepth bounds the nesting of a body; what is deeper is no request that
// any operation could accept.
const maxDepth = 1000

// Scanner pulls tokens from one JSON text. Methods that read a value of some
// type return a SerializationException when they find another; the scanner
// must not be used after an error.
type Scanner struct {
	buf     []byte
	pos     int
	fresh   bool // directly behind '{' or '['
	scratch []byte
}

// NewScanner returns a scanner over body, which must stay unchanged while
// strings returned by the scanner are in use.
func NewScanner(body []byte) *Scanner { return &Scanner{buf: body} }

// Reset makes s scan body, keeping its scratch memory.
func (s *Scanner) Reset(body []byte) { *s = Scanner{buf: body, scratch: s.scratch[:0]} }

// errSyntax is the answer to a body that is not JSON.
func errSyntax() error { return ddberr.Serialization("") }

// Check reports a SerializationException unless the whole text is one
// well-formed JSON value of bounded depth in valid UTF-8. It leaves the
// scanner at the start.
func (s *Scanner) Check() error {
	if err := s.Skip(); err != nil {
		return err
	}
	if err := s.Finish(); err != nil {
		return err
	}
	s.pos, s.fresh = 0, false
	return nil
}

// Finish reports a SerializationException if anything follows the value that
// was read last, or if the text is not UTF-8.
func (s *Scanner) Finish() error {
	if s.space(); s.pos != len(s.buf) || !utf8.Valid(s.buf) {
		return errSyntax()
	}
	return nil
}

// space skips white space.
func (s *Scanner) space() {
	for s.pos < len(s.buf) {
		switch s.buf[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// Peek returns the kind of the next value without consuming it.
func (s *Scanner) Peek() Kind {
	s.space()
	if s.pos == len(s.buf) {
		return End
	}
	switch c := s.buf[s.pos]; c {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't':
		return True
	case 'f':
		return False
	case 'n':
		return Null
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return Number
		}
	}
	return End
}

// Null consumes a null and reports whether there was one.
func (s *Scanner) Null() bool {
	if s.Peek() != Null {
		return false
	}
	return s.literal("null") == nil
}

func (s *Scanner) literal(word string) error {
	end := s.pos + len(word)
	if end > len(s.buf) || string(s.buf[s.pos:end]) != word {
		return errSyntax()
	}
	s.pos = end
	s.fresh = false
	return nil
}

// Struct consumes the '{' of a structure; class is the shape's name, for the
// error text.
func (s *Scanner) Struct(class string) error {
	switch s.Peek() {
	case Object:
		return s.open()
	case Array:
		return ddberr.Serialization("Unrecognized collection type class " + className(class))
	case End:
		return errSyntax()
	}
	return ddberr.Serialization("Unexpected value type in payload")
}

// Map consumes the '{' of a map; class names the type of its values.
func (s *Scanner) Map(class string) error {
	switch s.Peek() {
	case Object:
		return s.open()
	case Array:
		return ddberr.Serialization("Unrecognized collection type java.util.Map<java.lang.String, " + className(class) + ">")
	case End:
		return errSyntax()
	}
	return ddberr.Serialization("Unexpected field type")
}

// List consumes the '[' of a list.
func (s *Scanner) List() error {
	switch s.Peek() {
	case Array:
		return s.open()
	case Object:
		return ddberr.Serialization("Start of structure or map found where not expected")
	case End:
		return errSyntax()
	}
	return ddberr.Serialization("Unexpected field type")
}

func (s *Scanner) open() error {
	s.pos++
	s.fresh = true
	return nil
}

// className qualifies a shape's name as the service's error texts do;
// "List<X>" is a list of X.
func className(shape string) string {
	if elem, ok := strings.CutPrefix(shape, "List<"); ok {
		return "java.util.List<" + className(strings.TrimSuffix(elem, ">")) + ">"
	}
	switch shape {
	case "String", "Boolean", "Long", "Integer", "Double":
		return "java.lang." + shape
	}
	return "com.amazonaws.dynamodb.v20120810." + shape
}

// NextKey returns the next member name of the object being read, or ok false
// after consuming its '}'. The key is valid until the next string is read.
func (s *Scanner) NextKey() (key []byte, ok bool, err error) {
	more, err := s.next('}')
	if err != nil || !more {
		return nil, false, err
	}
	if s.Peek() != String {
		return nil, false, errSyntax()
	}
	if key, err = s.text(); err != nil {
		return nil, false, err
	}
	if s.space(); s.pos == len(s.buf) || s.buf[s.pos] != ':' {
		return nil, false, errSyntax()
	}
	s.pos++
	return key, true, nil
}

// NextElem reports whether the list being read has another element; if not
// it consumes the ']'.
func (s *Scanner) NextElem() (bool, error) { return s.next(']') }

func (s *Scanner) next(closing byte) (bool, error) {
	s.space()
	if s.pos == len(s.buf) {
		return false, errSyntax()
	}
	fresh := s.fresh
	s.fresh = false
	switch c := s.buf[s.pos]; {
	case c == closing:
		s.pos++
		return false, nil
	case fresh:
		return true, nil
	case c == ',':
		s.pos++
		s.space()
		return true, nil
	}
	return false, errSyntax()
}

// Text reads a string member. The bytes are valid until the next string is
// read, and as long as the body when they contain no escapes.
func (s *Scanner) Text() ([]byte, error) {
	if s.Peek() == String {
		return s.text()
	}
	return nil, s.mismatch("String")
}

// Int reads an integer member; class is "Long" or "Integer". A decimal is cut
// towards zero, as the service does.
func (s *Scanner) Int(class string) (int64, error) {
	if s.Peek() != Number {
		return 0, s.mismatch(class)
	}
	num, err := s.number()
	if err != nil {
		return 0, err
	}
	if n, err := strconv.ParseInt(string(num), 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(string(num), 64)
	if err != nil || math.Abs(f) > 1<<62 {
		return 0, errSyntax()
	}
	return int64(f), nil
}

// Float reads a number member.
func (s *Scanner) Float() (float64, error) {
	if s.Peek() != Number {
		return 0, s.mismatch("Double")
	}
	num, err := s.number()
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(string(num), 64)
	if err != nil {
		return 0, errSyntax()
	}
	return f, nil
}

// Bool reads a Boolean member.
func (s *Scanner) Bool() (bool, error) {
	switch s.Peek() {
	case True:
		return true, s.literal("true")
	case False:
		return false, s.literal("false")
	case String:
		return false, ddberr.Serialization("Unexpected token received from parser")
	}
	return false, s.mismatch("Boolean")
}

// mismatch words a value of the wrong type where a scalar class was expected.
func (s *Scanner) mismatch(class string) error {
	switch s.Peek() {
	case Object:
		return ddberr.Serialization("Start of structure or map found where not expected")
	case Array:
		return ddberr.Serialization("Unrecognized collection type " + "class " + className(class))
	case True:
		return ddberr.Serialization("TRUE_VALUE cannot be converted to " + class)
	case False:
		return ddberr.Serialization("FALSE_VALUE cannot be converted to " + class)
	case String:
		return ddberr.Serialization("STRING_VALUE cannot be converted to " + class)
	case Number:
		num, err := s.number()
		if err != nil {
			return err
		}
		for _, c := range num {
			if c == '.' || c == 'e' || c == 'E' {
				return ddberr.Serialization("DECIMAL_VALUE cannot be converted to " + class)
			}
		}
		return ddberr.Serialization("NUMBER_VALUE cannot be converted to " + class)
	}
	return errSyntax()
}

// number consumes a number in JSON's grammar and returns its text.
func (s *Scanner) number() ([]byte, error) {
	start := s.pos
	if s.buf[s.pos] == '-' {
		s.pos++
	}
	lead := s.pos
	if n := s.digits(); n == 0 || n > 1 && s.buf[lead] == '0' {
		return nil, errSyntax()
	}
	if s.pos < len(s.buf) && s.buf[s.pos] == '.' {
		s.pos++
		if s.digits() == 0 {
			return nil, errSyntax()
		}
	}
	if s.pos < len(s.buf) && s.buf[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.buf) && (s.buf[s.pos] == '+' || s.buf[s.pos] == '-') {
			s.pos++
		}
		if s.digits() == 0 {
			return nil, errSyntax()
		}
	}
	s.fresh = false
	return s.buf[start:s.pos], nil
}

func (s *Scanner) digits() int {
	start := s.pos
	for s.pos < len(s.buf) && s.buf[s.pos] >= '0' && s.buf[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}

// Skip consumes the next value whatever it is.
func (s *Scanner) Skip() error {
	var stack [maxDepth]byte // closing bytes of the open containers
	depth := 0
	for {
		done, err := s.skipToken(&stack, &depth)
		if err != nil {
			return err
		}
		for done { // close what ends here, or go to the next member
			if depth == 0 {
				s.fresh = false
				return nil
			}
			more, err := s.skipNext(stack[depth-1])
			if err != nil {
				return err
			}
			if more {
				break
			}
			depth--
		}
	}
}

// skipToken consumes a scalar, or opens a container; done says that the value
// or the opened container's first member need skipNext.
func (s *Scanner) skipToken(stack *[maxDepth]byte, depth *int) (done bool, err error) {
	kind := s.Peek()
	switch kind {
	case Object, Array:
		if *depth == maxDepth {
			return false, errSyntax()
		}
		stack[*depth] = s.buf[s.pos] + 2 // '{'+2 is '}', '['+2 is ']'
		*depth++
		return true, s.open()
	case String:
		return true, s.skipString()
	case Number:
		_, err = s.number()
		return true, err
	case True:
		return true, s.literal("true")
	case False:
		return true, s.literal("false")
	case Null:
		return true, s.literal("null")
	}
	return false, errSyntax()
}

func (s *Scanner) skipNext(closing byte) (bool, error) {
	more, err := s.next(closing)
	if err != nil || !more || closing == ']' {
		return more, err
	}
	if s.Peek() != String {
		return false, errSyntax()
	}
	if err := s.skipString(); err != nil {
		return false, err
	}
	if s.space(); s.pos == len(s.buf) || s.buf[s.pos] != ':' {
		return false, errSyntax()
	}
	s.pos++
	return true, nil
}
