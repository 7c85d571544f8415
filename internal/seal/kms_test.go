package seal_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/statordb/stator/internal/seal"
	"github.com/statordb/stator/internal/seal/kmstest"
)

// TestSilentKMS calls a KMS that accepts connections and never answers, one that
// answers errors only, and one to which there is no connection.
func TestSilentKMS(t *testing.T) {
	ctx, server := context.Background(), kmstest.New(t)
	arn := server.Add("one", "alias/one")
	check := func(url string, patience time.Duration, want string) {
		t.Helper()
		kms := seal.NewKMS(url, "us-east-1")
		kms.Patience = patience
		_, resolve := kms.Resolve(ctx, "alias/one")
		_, wrap := kms.Wrap(ctx, arn, "a test", make([]byte, seal.KeyBytes))
		_, unwrap := kms.Unwrap(ctx, arn, "a test", []byte("wrapped"))
		var refused *seal.KeyError
		for name, err := range map[string]error{"Resolve": resolve, "Wrap": wrap, "Unwrap": unwrap} {
			if err == nil || err.Error() != want && !strings.HasSuffix(want, ": ") || !strings.HasPrefix(err.Error(), want) ||
				errors.As(err, &refused) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
	server.Silence(true)
	check(server.URL, time.Second, "the KMS has not answered within 1s")
	server.Silence(false)
	server.Down(true)
	check(server.URL, time.Minute, "the KMS answers KMSInternalException: from a test")
	check("http://127.0.0.1:1", time.Minute, "the KMS cannot be reached: ")

	given, stop := context.WithCancel(ctx)
	stop()
	if _, err := seal.NewKMS(server.URL, "us-east-1").Resolve(given, "alias/one"); !errors.Is(err, context.Canceled) {
		t.Errorf("for who has gone: %v", err)
	}
}
