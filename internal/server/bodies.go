package server

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

const (
	firstBuffer = 4 << 10  // memory for a body before it proves larger
	keptBuffer  = 64 << 10 // larger buffers are not kept for further requests
)

// errBodies refuses a body that does not fit beside those of other requests.
var errBodies = errors.New("the bodies of the requests being served use too much memory")

// bodies reads the bodies of requests. Their buffers together stay below
// limit: a buffer grows as bytes arrive, and is counted as it grows, so that
// a client holds no more than it has sent.
type bodies struct {
	limit int64
	inUse atomic.Int64 // bytes of all buffers of requests being read or served
	spare sync.Pool    // of *body
}

// body is the body of one request.
type body struct {
	bytes []byte
	of    *bodies
}

// read reads the body of a request whose head was read, of at most limit bytes.
// The caller releases it in any case.
func (b *bodies) read(c *fasthttp.RequestCtx, limit int) (*body, error) {
	in, _ := b.spare.Get().(*body)
	if in == nil {
		in = &body{of: b}
	}
	in.bytes = in.bytes[:0]
	b.inUse.Add(int64(cap(in.bytes)))
	stream := c.RequestBodyStream()
	if stream == nil {
		return in, nil
	}
	if twoLengths(&c.Request.Header) {
		c.SetConnectionClose()
	}
	length := c.Request.Header.ContentLength() // negative: not known
	if length > limit {
		return in, fasthttp.ErrBodyTooLarge
	}
	err := in.fill(stream, limit)
	if err == nil && length > len(in.bytes) {
		err = io.ErrUnexpectedEOF
	}
	return in, err
}

// twoLengths reports whether a request in chunks has a Content-Length as well.
// Where it ends, others on its way may have seen otherwise: nothing that
// follows is taken for a request. (RFC 9112, 6.1.)
func twoLengths(h *fasthttp.RequestHeader) bool {
	return h.ContentLength() == -1 && bytes.Contains(bytes.ToLower(h.RawHeaders()), []byte("content-length:"))
}

// fill reads stream to its end.
func (in *body) fill(stream io.Reader, limit int) error {
	for {
		if len(in.bytes) == cap(in.bytes) && !in.grow() {
			return errBodies
		}
		n, err := stream.Read(in.bytes[len(in.bytes):cap(in.bytes)])
		in.bytes = in.bytes[:len(in.bytes)+n]
		switch {
		case len(in.bytes) > limit:
			return fasthttp.ErrBodyTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// grow makes room for at least one byte more, if the limit allows.
func (in *body) grow() bool {
	size := min(max(2*cap(in.bytes), firstBuffer), maxBody+1)
	more := int64(size - cap(in.bytes))
	if in.of.inUse.Add(more) > in.of.limit {
		in.of.inUse.Add(-more)
		return false
	}
	in.bytes = append(make([]byte, 0, size), in.bytes...)
	return true
}

// release gives the buffer back; it must not be used any more.
func (in *body) release() {
	in.of.inUse.Add(-int64(cap(in.bytes)))
	if cap(in.bytes) <= keptBuffer {
		in.of.spare.Put(in)
	}
}
