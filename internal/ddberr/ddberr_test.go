package ddberr

import "testing"

func TestRender(t *testing.T) {
	inValues := NumberSyntax.Fault("x")
	inValues.Placeholder = ":v"
	for _, c := range []struct {
		fault                  *Fault
		older, bare, enveloped string
	}{
		{NumberSyntax.Fault("x"), "The parameter cannot be converted to a numeric value: x", "The parameter cannot be converted to a numeric value: x", "1 validation error detected: The parameter cannot be converted to a numeric value: x"},
		{inValues, "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x for key :v", "The parameter cannot be converted to a numeric value: x", "1 validation error detected: The parameter cannot be converted to a numeric value: x"},
		{KeySchemaMismatch.Fault(), "The provided key element does not match the schema", "The provided key element does not match the schema", "The provided key element does not match the schema"},
		{StringSetDuplicate.Fault("b, a, b", `"a", "b", "b"`), invalid + "Input collection [b, a, b] contains duplicates.", invalid + `Input collection ["a", "b", "b"] contains duplicates.`, "1 validation error detected: " + invalid + `Input collection ["a", "b", "b"] contains duplicates.`},
	} {
		for style, want := range map[Style]string{Older: c.older, Bare: c.bare, Enveloped: c.enveloped} {
			if got := c.fault.In(style); got.Message != want || got.Code != "ValidationException" || got.Status != 400 {
				t.Errorf("style %d: got %v, want %s", style, got, want)
			}
		}
	}
}

func TestType(t *testing.T) {
	for code, want := range map[string]string{
		"ValidationException": "com.amazon.coral.validate#ValidationException", "SerializationException": "com.amazon.coral.service#SerializationException",
		"ResourceNotFoundException": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
	} {
		if got := New(code, "").Type(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
