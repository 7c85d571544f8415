package attr

import (
	"bytes"
	"fmt"
	"math/big"
	"math/rand"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/ddberr"
)

func num(t testing.TB, text string) Value {
	t.Helper()
	v, fault := ParseNumber(text)
	if fault != nil {
		t.Fatalf("%q: %v", text, fault)
	}
	return v
}

func TestNumberText(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "+5": "5", ".5": "0.5", "5.": "5", "1.e5": "100000", "007": "7",
		"1.50": "1.5", "-12.340": "-12.34", "1e3": "1000", "1E-3": "0.001", "100.5": "100.5", "0.0e126": "0", "0e125": "0",
		"1e125":                                  "1" + strings.Repeat("0", 125),
		"-1e-130":                                "-0." + strings.Repeat("0", 129) + "1",
		"12345678901234567890123456789012345678": "12345678901234567890123456789012345678",
		"1234567890123456789012345678901234567800": "1234567890123456789012345678901234567800",
	} {
		if got := num(t, text).NumberText(); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestNumberFaults(t *testing.T) {
	for text, want := range map[string]*ddberr.Text{
		"": &ddberr.NumberEmpty, "abc": &ddberr.NumberSyntax, " 1": &ddberr.NumberSyntax, "1 ": &ddberr.NumberSyntax,
		"0x10": &ddberr.NumberSyntax, "1e": &ddberr.NumberSyntax, "NaN": &ddberr.NumberSyntax, "1.2.3": &ddberr.NumberSyntax,
		"+e2": &ddberr.NumberSyntax, ".": &ddberr.NumberSyntax, "1e+": &ddberr.NumberSyntax, "-": &ddberr.NumberSyntax,
		"1e126": &ddberr.NumberOverflow, "0e126": &ddberr.NumberOverflow, "1e-131": &ddberr.NumberUnderflow, "0e-131": &ddberr.NumberUnderflow,
		"1e2147483647": &ddberr.NumberWrappedOverflow, "1e2147483648": &ddberr.NumberWideOverflow, "1e-99999999999": &ddberr.NumberWideUnderflow,
		"1e9223372036854775808": &ddberr.NumberSyntax, strings.Repeat("1", 39): &ddberr.NumberDigits, "0.1" + strings.Repeat("0", 37) + "1": &ddberr.NumberDigits,
	} {
		if _, fault := ParseNumber(text); fault == nil || fault.Text != want {
			t.Errorf("%q: got %v, want %q", text, fault, want.Older)
		}
	}
}

// TestNumberSize holds the table of sizes measured on the service.
func TestNumberSize(t *testing.T) {
	for text, want := range map[string]int{
		"0": 1, "-0": 1, "1": 2, "12": 2, "15": 2, "100": 2, "123": 3, "1010": 3, "123456": 4, strings.Repeat("9", 38): 20,
		"1E125": 2, "0.0000001": 2, "0.15": 2, "1.5": 3, "1.234": 4, "100.5": 4, "3.14159": 5, "-42": 3,
	} {
		if got := num(t, text).Size(); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

func randomNumber(r *rand.Rand) string {
	digits := make([]byte, 1+r.Intn(10))
	for i := range digits {
		digits[i] = '0' + byte(r.Intn(10))
	}
	return fmt.Sprintf("%s%se%d", []string{"", "-"}[r.Intn(2)], digits, r.Intn(20)-10)
}

func rat(t *testing.T, text string) *big.Rat {
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("no rational: %s", text)
	}
	return x
}

func TestNumberOrderAndSums(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 20000 {
		x, y := randomNumber(r), randomNumber(r)
		a, b, p, q := num(t, x), num(t, y), rat(t, x), rat(t, y)
		if got, want := bytes.Compare(AppendKey(nil, a), AppendKey(nil, b)), p.Cmp(q); got != want {
			t.Fatalf("compare %s, %s: got %d, want %d", x, y, got, want)
		}
		plus, fault := Add(a, b)
		if fault != nil || rat(t, plus.NumberText()).Cmp(new(big.Rat).Add(p, q)) != 0 {
			t.Fatalf("%s + %s = %v (%v)", x, y, plus, fault)
		}
		minus, fault := Sub(a, b)
		if fault != nil || rat(t, minus.NumberText()).Cmp(new(big.Rat).Sub(p, q)) != 0 {
			t.Fatalf("%s - %s = %v (%v)", x, y, minus, fault)
		}
		if err := Verify(NewItem(Attribute{"n", plus}).Stored()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSumOutOfRange(t *testing.T) {
	for _, pair := range [][2]string{{"9e125", "9e125"}, {"1e125", "1e-130"}, {strings.Repeat("9", 38), "0.1"}} {
		if _, fault := Add(num(t, pair[0]), num(t, pair[1])); fault == nil || fault.Text != &ddberr.NumberOverflow {
			t.Errorf("%v: got %v", pair, fault)
		}
	}
	if v, fault := Sub(num(t, "1e-130"), num(t, "1e-130")); fault != nil || v.NumberText() != "0" {
		t.Errorf("difference of equal small numbers: %v, %v", v, fault)
	}
}
