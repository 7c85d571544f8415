// Package patience is how tests wait for what happens in the background.
package patience

import (
	"testing"
	"time"
)

// Limit is how long a test waits before it calls what it waits for broken:
// longer than any takes on the slowest machine.
const Limit = 10 * time.Minute

// Until returns when done does. It fails t if that seems never to come; what
// then says what was waited for.
func Until(t testing.TB, done func() bool, what string) {
	t.Helper()
	for deadline := time.Now().Add(Limit); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: waited %v in vain", what, Limit)
		}
	}
}
