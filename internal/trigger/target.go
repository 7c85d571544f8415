package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Beginnings of targets that are no URL.
const (
	filePrefix   = "file:"
	lambdaPrefix = "lambda:"
)

// maxAnswer is how much of a consumer's answer is read. (Lambda developer
// guide, "Quotas": a response has up to 6 MB.)
const maxAnswer = 6 << 20

// target is where batches go.
type target interface {
	// deliver hands over a batch. It returns the records of it that are still to
	// be delivered, in order, and why they are.
	deliver(ctx context.Context, batch []record) (rest []record, err error)
}

// newTarget returns the target of t, which was checked.
func newTarget(t *Trigger) target {
	if path, ok := strings.CutPrefix(t.Target, filePrefix); ok {
		return fileTarget(path)
	}
	if name, ok := strings.CutPrefix(t.Target, lambdaPrefix); ok {
		return &httpTarget{
			url:     strings.TrimSuffix(t.Endpoint, "/") + "/2015-03-31/functions/" + url.PathEscape(name) + "/invocations",
			prepare: prepareInvoke,
			partial: t.Partial,
		}
	}
	return &httpTarget{url: t.Target, partial: t.Partial}
}

// httpTarget posts the event. A status of 2xx is success, unless the answer is
// a function's error.
type httpTarget struct {
	url     string
	prepare func(req *http.Request, body []byte) error // nil: nothing to do
	partial bool
}

// prepareInvoke makes a request one of Lambda's Invoke API.
func prepareInvoke(req *http.Request, body []byte) error {
	req.Header.Set("X-Amz-Invocation-Type", "RequestResponse")
	return signLambda(req, body)
}

// client does not follow redirects: a POST would become a GET.
var client = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (h *httpTarget) deliver(ctx context.Context, batch []record) (rest []record, err error) {
	answer, err := post(ctx, h.url, event(batch), h.prepare)
	if err != nil {
		return batch, err
	}
	if !h.partial {
		return nil, nil
	}
	failed, err := firstFailure(batch, answer)
	if err == nil && failed < len(batch) {
		err = errors.New("the consumer names records that failed")
	}
	return batch[failed:], err
}

// post sends a body of JSON, after prepare unless it is nil, and returns the
// answer's.
func post(ctx context.Context, url string, body []byte, prepare func(*http.Request, []byte) error) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if prepare != nil {
		if err := prepare(req, body); err != nil {
			return nil, err
		}
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode < 200 || res.StatusCode > 299:
		return nil, fmt.Errorf("the consumer answered with status %d", res.StatusCode)
	case res.Header.Get("X-Amz-Function-Error") != "":
		return nil, fmt.Errorf("the function failed: %s", res.Header.Get("X-Amz-Function-Error"))
	}
	return answer, nil
}

// firstFailure returns the index of the first record that an answer names in
// batchItemFailures. (Lambda developer guide, "Reporting batch item failures":
// an empty answer and an empty list are success, a name that is not in the
// batch fails all of it.)
func firstFailure(batch []record, answer []byte) (int, error) {
	var in struct {
		BatchItemFailures []struct {
			ItemIdentifier *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(bytes.TrimSpace(answer)) == 0 {
		return len(batch), nil
	}
	if err := json.Unmarshal(answer, &in); err != nil {
		return 0, fmt.Errorf("the consumer's answer is not a list of failures: %w", err)
	}
	first := len(batch)
	for _, f := range in.BatchItemFailures {
		at := 0
		if f.ItemIdentifier != nil {
			for at < len(batch) && batch[at].SequenceNumber != *f.ItemIdentifier {
				at++
			}
		}
		if f.ItemIdentifier == nil || at == len(batch) {
			return 0, fmt.Errorf("the consumer names a failure that is not in the batch")
		}
		first = min(first, at)
	}
	return first, nil
}

// fileTarget appends a line for each record.
type fileTarget string

func (f fileTarget) deliver(_ context.Context, batch []record) (rest []record, err error) {
	var lines []byte
	for _, r := range batch {
		lines = append(append(lines, r.json...), '\n')
	}
	if err := appendFile(string(f), lines); err != nil {
		return batch, err
	}
	return nil, nil
}

// appendFile adds text to the end of a file, durably.
func appendFile(path string, text []byte) (err error) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if e := file.Close(); err == nil {
			err = e
		}
	}()
	if _, err := file.Write(text); err != nil {
		return err
	}
	return file.Sync()
}
