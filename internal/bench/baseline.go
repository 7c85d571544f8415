package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/statordb/stator/internal/wire"
)

// Baseline is the least that a server of DynamoDB's protocol has to do: it
// reads a request, parses all of its JSON, and answers a constant that is as
// long as the real answer.
type Baseline struct {
	http     fasthttp.Server
	answers  map[string][]byte // by operation
	scanners sync.Pool
}

// NewBaseline returns a server whose answers have the given sizes in bytes, by
// operation; other operations are refused.
func NewBaseline(sizes map[string]int) *Baseline {
	b := &Baseline{answers: map[string][]byte{}}
	for operation, size := range sizes {
		b.answers[operation] = constant(size)
	}
	b.scanners.New = func() any { return new(wire.Scanner) }
	b.http = fasthttp.Server{Handler: b.handle, NoDefaultServerHeader: true, MaxRequestBodySize: 16 << 20}
	return b
}

// constant returns a JSON object of about size bytes: exactly, above 8.
func constant(size int) []byte {
	const frame = `{"p":""}`
	if size < len(frame) {
		return []byte("{}")
	}
	return []byte(`{"p":"` + strings.Repeat("x", size-len(frame)) + `"}`)
}

// Serve answers requests on ln until Close.
func (b *Baseline) Serve(ln net.Listener) error { return b.http.Serve(ln) }

// closeTime is how long Close waits for running requests.
const closeTime = 200 * time.Millisecond

// Close stops listening. Connections that have carried no request yet stay
// open until their clients close them.
func (b *Baseline) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := b.http.ShutdownWithContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func (b *Baseline) handle(c *fasthttp.RequestCtx) {
	_, operation, _ := strings.Cut(string(c.Request.Header.Peek("X-Amz-Target")), ".")
	answer, known := b.answers[operation]
	s := b.scanners.Get().(*wire.Scanner)
	defer b.scanners.Put(s)
	s.Reset(c.PostBody())
	if err := s.Skip(); err != nil || !known {
		c.SetStatusCode(fasthttp.StatusBadRequest)
		return
	}
	c.SetContentType("application/x-amz-json-1.0")
	c.Response.SetBodyRaw(answer)
}

// BaselineCommand is the first argument of the bench command that makes it
// serve a baseline; the others are what FormatSizes returns.
const BaselineCommand = "serve-baseline"

// StartBaseline starts a Baseline as a child process. The caller owes Stop.
func StartBaseline(sizes map[string]int) (*Process, error) {
	return start(append([]string{"bench", BaselineCommand}, FormatSizes(sizes)...))
}

// FormatSizes returns sizes as arguments: GetItem=1200.
func FormatSizes(sizes map[string]int) []string {
	var args []string
	for _, operation := range slices.Sorted(maps.Keys(sizes)) {
		args = append(args, operation+"="+strconv.Itoa(sizes[operation]))
	}
	return args
}

// ParseSizes is the reverse of FormatSizes.
func ParseSizes(args []string) (map[string]int, error) {
	sizes := map[string]int{}
	for _, arg := range args {
		operation, size, found := strings.Cut(arg, "=")
		n, err := strconv.Atoi(cmp.Or(size, "?"))
		if !found || err != nil {
			return nil, fmt.Errorf("size %q: use one like GetItem=1200", arg)
		}
		sizes[operation] = n
	}
	return sizes, nil
}
