package attr

import (
	"bytes"
	"math"
	"math/big"
	"strconv"

	"github.com/statordb/stator/internal/ddberr"
)

// Numbers are stored so that bytes.Compare is their order. With the value
// written as ±0.D × 100^e, D in base-100 digits without leading or trailing
// zero digits and -64 ≤ e ≤ 63:
//
//	positive  0x80+64+e, each digit + 1, 0x00
//	zero      0x80, 0x00
//	negative  0x7F-64-e, each digit as 0xFE - digit, 0xFF

const (
	maxDigits   = 38
	maxExponent = 125  // of the first digit
	minExponent = -130 // likewise
)

// decimal is ±0.d₁d₂… × 10^exp without leading or trailing zeros; zero has no
// digits.
type decimal struct {
	neg    bool
	digits []byte // 0 to 9 each
	exp    int
}

// ParseNumber returns the N that text stands for, or the fault that it has.
func ParseNumber[T string | []byte](text T) (Value, *ddberr.Fault) {
	var buf [maxDigits]byte
	d, fault := parseDecimal([]byte(text), buf[:0])
	if fault != nil {
		return Value{}, fault
	}
	return numberValue(d), nil
}

func numberValue(d decimal) Value {
	return Value{appendDecimal(append(make([]byte, 0, 4+len(d.digits)/2), byte(N)), d)}
}

// parseDecimal reads [+-] digits [. digits] [e [+-] digits], collecting the
// significant digits in buf, whose capacity is maxDigits.
func parseDecimal(text, buf []byte) (decimal, *ddberr.Fault) {
	if len(text) == 0 {
		return decimal{}, ddberr.NumberEmpty.Fault()
	}
	d := decimal{digits: buf}
	rest := text
	if rest[0] == '-' || rest[0] == '+' {
		d.neg = rest[0] == '-'
		rest = rest[1:]
	}
	m := mantissa{digits: buf}
	rest = m.scan(rest)
	if m.seen == 0 {
		return decimal{}, ddberr.NumberSyntax.Fault(string(text))
	}
	exponent, fault := parseExponent(rest, text)
	if fault != nil {
		return decimal{}, fault
	}
	d.digits = bytes.TrimRight(m.digits, "\x00")
	d.exp = m.point + exponent
	return d, checkRange(&d, exponent-m.fraction, m.overlong)
}

// checkRange tests the magnitude; a zero is tested by its written exponent,
// that of its last digit.
func checkRange(d *decimal, lastExponent int, overlong bool) *ddberr.Fault {
	first := d.exp - 1
	if len(d.digits) == 0 {
		first = lastExponent
		d.neg, d.exp = false, 0
	}
	switch {
	case first > maxExponent:
		return ddberr.NumberOverflow.Fault()
	case first < minExponent:
		return ddberr.NumberUnderflow.Fault()
	case overlong:
		return ddberr.NumberDigits.Fault()
	}
	return nil
}

// mantissa collects the significant digits of a number's text.
type mantissa struct {
	digits   []byte // without leading zeros; at most maxDigits
	overlong bool   // a nonzero digit did not fit
	point    int    // position of the decimal point behind the first of digits
	seen     int    // digits read, zeros included
	fraction int    // digits read behind the point
}

func (m *mantissa) scan(text []byte) (rest []byte) {
	dot := false
	for i, c := range text {
		switch {
		case c >= '0' && c <= '9':
			m.digit(c-'0', dot)
		case c == '.' && !dot:
			dot = true
		default:
			return text[i:]
		}
	}
	return nil
}

func (m *mantissa) digit(c byte, dot bool) {
	m.seen++
	if dot {
		m.fraction++
	}
	switch {
	case c == 0 && len(m.digits) == 0:
		if dot {
			m.point--
		}
		return
	case len(m.digits) < maxDigits:
		m.digits = append(m.digits, c)
	case c != 0:
		m.overlong = true
	}
	if !dot {
		m.point++
	}
}

// parseExponent reads the exponent part. The service reads it as a 64-bit
// number; its older layer used 32 bits, which shows in its texts.
func parseExponent(rest, text []byte) (int, *ddberr.Fault) {
	if len(rest) == 0 {
		return 0, nil
	}
	if rest[0]|0x20 != 'e' || len(rest) == 1 {
		return 0, ddberr.NumberSyntax.Fault(string(text))
	}
	exponent, err := strconv.ParseInt(string(rest[1:]), 10, 64)
	switch {
	case err != nil:
		return 0, ddberr.NumberSyntax.Fault(string(text))
	case exponent > math.MaxInt32:
		return 0, ddberr.NumberWideOverflow.Fault(string(text))
	case exponent < math.MinInt32:
		return 0, ddberr.NumberWideUnderflow.Fault(string(text))
	case exponent == math.MaxInt32:
		return 0, ddberr.NumberWrappedOverflow.Fault()
	case exponent == math.MinInt32:
		return 0, ddberr.NumberWrappedUnderflow.Fault()
	}
	return int(exponent), nil
}

// appendDecimal appends the stored form of d, without the tag.
func appendDecimal(dst []byte, d decimal) []byte {
	if len(d.digits) == 0 {
		return append(dst, 0x80, 0)
	}
	odd := d.exp & 1 // a zero digit in front aligns the digits at the point
	e := (d.exp + odd) / 2
	flip := byte(0)
	if d.neg {
		flip = 0xFF
	}
	dst = append(dst, byte(0x80+64+e)^flip)
	for i := -odd; i < len(d.digits); i += 2 {
		var pair byte
		if i >= 0 {
			pair = d.digits[i] * 10
		}
		if i+1 < len(d.digits) {
			pair += d.digits[i+1]
		}
		dst = append(dst, (pair+1)^flip)
	}
	return append(dst, flip)
}

// numberLen returns the length of the stored number that b starts with. The
// header never equals the terminator that belongs to its sign.
func numberLen(b []byte) int {
	if b[0] < 0x80 {
		return bytes.IndexByte(b, 0xFF) + 1
	}
	return bytes.IndexByte(b, 0) + 1
}

// decodeNumber reads the stored number b (without the tag), placing its
// digits in buf, whose capacity is at least 2*maxDigits.
func decodeNumber(b, buf []byte) decimal {
	d := decimal{digits: buf[:0]}
	flip := byte(0)
	if b[0] < 0x80 {
		d.neg, flip = true, 0xFF
	}
	for _, c := range b[1:] {
		if c ^= flip; c == 0 {
			break
		}
		d.digits = append(d.digits, (c-1)/10, (c-1)%10)
	}
	if len(d.digits) == 0 {
		return d
	}
	d.exp = 2 * (int(b[0]^flip) - 0x80 - 64)
	if d.digits[0] == 0 {
		d.digits = d.digits[1:]
		d.exp--
	}
	if last := len(d.digits) - 1; d.digits[last] == 0 {
		d.digits = d.digits[:last]
	}
	return d
}

// AppendNumber appends the canonical text of the N v: plain decimal, never
// with an exponent.
func AppendNumber(dst []byte, v Value) []byte {
	var buf [2 * maxDigits]byte
	d := decodeNumber(v.enc[1:], buf[:])
	if len(d.digits) == 0 {
		return append(dst, '0')
	}
	if d.neg {
		dst = append(dst, '-')
	}
	if d.exp <= 0 {
		dst = append(dst, '0', '.')
		dst = appendZeros(dst, -d.exp)
	}
	for i, c := range d.digits {
		if i == d.exp && i > 0 {
			dst = append(dst, '.')
		}
		dst = append(dst, '0'+c)
	}
	return appendZeros(dst, d.exp-len(d.digits))
}

func appendZeros(dst []byte, n int) []byte {
	for ; n > 0; n-- {
		dst = append(dst, '0')
	}
	return dst
}

// NumberText returns the canonical text of the N v.
func (v Value) NumberText() string { return string(AppendNumber(nil, v)) }

// numberSize returns the size in bytes that DynamoDB charges for a stored
// number: one, one for every two significant digits on either side of the
// point, and one for a sign. (Source: measurements of the service.)
func numberSize(b []byte) int {
	var buf [2 * maxDigits]byte
	d := decodeNumber(b, buf[:])
	whole := min(max(d.exp, 0), len(d.digits))
	size := 1 + (whole+1)/2 + (len(d.digits)-whole+1)/2
	if d.neg {
		size++
	}
	return size
}

// Add returns a + b for two N, exactly; a result out of range or of more than
// 38 digits is a fault.
func Add(a, b Value) (Value, *ddberr.Fault) { return sum(a, b, false) }

// Sub returns a - b, as Add.
func Sub(a, b Value) (Value, *ddberr.Fault) { return sum(a, b, true) }

func sum(a, b Value, negate bool) (Value, *ddberr.Fault) {
	var bufA, bufB [2 * maxDigits]byte
	x, y := decodeNumber(a.enc[1:], bufA[:]), decodeNumber(b.enc[1:], bufB[:])
	y.neg = y.neg != negate
	low := min(x.exp-len(x.digits), y.exp-len(y.digits))
	if high := max(x.exp, y.exp); high-low <= 18 {
		return fromText(strconv.AppendInt(nil, x.scaled(low)+y.scaled(low), 10), low)
	}
	total := new(big.Int).Add(x.bigScaled(low), y.bigScaled(low))
	return fromText(total.Append(nil, 10), low)
}

// fromText returns text × 10^exp, where text is an integer.
func fromText(text []byte, exp int) (Value, *ddberr.Fault) {
	text = append(text, 'e')
	v, fault := ParseNumber(strconv.AppendInt(text, int64(exp), 10))
	if fault != nil && fault.Text == &ddberr.NumberDigits {
		fault = ddberr.NumberOverflow.Fault()
	}
	if fault != nil && fault.Text == &ddberr.NumberUnderflow && text[0] == '0' {
		return numberValue(decimal{}), nil
	}
	return v, fault
}

// scaled returns d / 10^low, which is whole and below 10^18.
func (d decimal) scaled(low int) int64 {
	n := int64(0)
	for _, c := range d.digits {
		n = n*10 + int64(c)
	}
	if n != 0 {
		for i := d.exp - len(d.digits); i > low; i-- {
			n *= 10
		}
	}
	if d.neg {
		return -n
	}
	return n
}

// bigScaled is scaled without a bound.
func (d decimal) bigScaled(low int) *big.Int {
	text := make([]byte, 0, len(d.digits)+2)
	if d.neg {
		text = append(text, '-')
	}
	for _, c := range d.digits {
		text = append(text, '0'+c)
	}
	if len(d.digits) == 0 {
		text = append(text, '0')
	}
	n, _ := new(big.Int).SetString(string(text), 10)
	if zeros := d.exp - len(d.digits) - low; zeros > 0 && len(d.digits) > 0 {
		n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(zeros)), nil))
	}
	return n
}
