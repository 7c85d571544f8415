package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"

	"github.com/statordb/stator/internal/progress"
)

// pollInterval is how often a server is asked how far something is.
const pollInterval = 200 * time.Millisecond

// remote is what commands that ask a server have in common.
type remote struct {
	endpoint endpointFlag
	json     bool
}

func (r *remote) define(set *flag.FlagSet) {
	defineEndpoint(set, &r.endpoint, "server")
	defineJSON(set, &r.json)
}

func defineJSON(set *flag.FlagSet, asked *bool) {
	set.BoolVar(asked, "json", false, "print JSON, and no progress")
}

// client returns a client of the server, which signs with the keys of the environment.
// A server that does not authenticate takes any.
func (r *remote) client() *dynamodb.Client {
	region := cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1")
	key, secret := cmp.Or(os.Getenv("AWS_ACCESS_KEY_ID"), "any"), cmp.Or(os.Getenv("AWS_SECRET_ACCESS_KEY"), "any")
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(string(r.endpoint)), Region: region, HTTPClient: web(),
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, os.Getenv("AWS_SESSION_TOKEN")),
	})
}

// explain makes one line of an error of the server, or of the way there.
func (r *remote) explain(err error) error {
	var api smithy.APIError
	switch {
	case errors.As(err, new(interrupted)):
		return err
	case errors.As(err, &api):
		return fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
	case errors.Is(err, context.Canceled):
		return interrupted{"the server may have done what it was asked to"}
	}
	return noAnswer(r.endpoint, "stator serve", err)
}

// meter returns what shows progress on standard error, nil for none.
func meter(asJSON bool, what string, unit progress.Unit) *progress.Meter {
	if asJSON {
		return nil
	}
	return progress.New(os.Stderr, progress.IsTerminal(os.Stderr), time.Now, what, unit)
}

// printJSON prints v on standard output.
func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "    ")
	return e.Encode(v)
}

// interruptible returns a context that ends with Ctrl-C or SIGTERM; a second
// one ends the process.
func interruptible() (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// interrupted is the error of a command that was interrupted; it says what was
// left behind.
type interrupted struct{ left string }

func (i interrupted) Error() string { return "interrupted: " + i.left }

// goesOn is the error of a command that ends while its work goes on in the server,
// or may.
type goesOn struct{ error }

// Unwrap returns the error itself.
func (g goesOn) Unwrap() error { return g.error }

// lost is the error of a command that can no longer see how far its work is.
func (r *remote) lost(work string, err error) error {
	return goesOn{fmt.Errorf("%s may go on in the server: %w", work, r.explain(err))}
}

// pause waits until the next look at something; false: ctx is over.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pollInterval):
		return true
	}
}
