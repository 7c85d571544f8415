package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"
)

// answerTime is how long an answer may take.
const answerTime = time.Minute

// errChunked refuses an answer whose length is not known in advance.
var errChunked = errors.New("the server answers in chunks (Transfer-Encoding: chunked); this client needs a Content-Length")

// Conn is a kept-alive HTTP/1.1 connection that carries one request at a time.
type Conn struct {
	net.Conn
	buf      []byte // what was read
	deadline time.Time
	signer   *Signer // nil: requests keep their fake credentials
}

// dial connects to address, host:port. signer signs the requests, nil for none.
func dial(ctx context.Context, address string, signer *Signer) (*Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &Conn{Conn: c, buf: make([]byte, 0, 16<<10), signer: signer.clone()}, nil
}

// Exchange sends a whole request and returns the status and the body of the
// answer. The body is valid until the next call. After an error the connection
// is of no use. now is the time, about.
func (c *Conn) Exchange(request []byte, now time.Time) (status int, body []byte, err error) {
	if c.deadline.Sub(now) < answerTime/2 { // seldom: setting a deadline costs time
		c.deadline = now.Add(answerTime)
		if err := c.SetDeadline(c.deadline); err != nil {
			return 0, nil, fmt.Errorf("set deadline: %w", err)
		}
	}
	if c.signer != nil {
		c.signer.sign(request, now)
	}
	if _, err := c.Write(request); err != nil {
		return 0, nil, fmt.Errorf("send request: %w", err)
	}
	return c.receive()
}

// receive reads one answer.
func (c *Conn) receive() (status int, body []byte, err error) {
	c.buf = c.buf[:0]
	for {
		if err := c.fill(); err != nil {
			return 0, nil, fmt.Errorf("read answer: %w", err)
		}
		status, start, length, err := parseHead(c.buf)
		if err != nil {
			return 0, nil, err
		}
		if start == 0 {
			continue
		}
		if err := c.rest(start + length); err != nil {
			return 0, nil, err
		}
		return status, c.buf[start:], nil
	}
}

// rest reads until the buffer holds exactly size bytes.
func (c *Conn) rest(size int) error {
	for len(c.buf) < size {
		c.grow(size)
		if err := c.fill(); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
	}
	if len(c.buf) > size {
		return errors.New("the server sent more than its answer")
	}
	return nil
}

// fill reads what there is, at least a byte.
func (c *Conn) fill() error {
	c.grow(len(c.buf) + 1)
	n, err := c.Read(c.buf[len(c.buf):cap(c.buf)])
	c.buf = c.buf[:len(c.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

// grow makes room for size bytes.
func (c *Conn) grow(size int) {
	if cap(c.buf) < size {
		c.buf = append(make([]byte, 0, max(size, 2*cap(c.buf))), c.buf...)
	}
}

var endOfHead = []byte("\r\n\r\n")

// parseHead reads the head of an answer. start is where the body starts, 0 if
// the head is not complete; length is the length of the body.
func parseHead(answer []byte) (status, start, length int, err error) {
	end := bytes.Index(answer, endOfHead)
	if end < 0 {
		return 0, 0, 0, nil
	}
	line, fields, _ := bytes.Cut(answer[:end], endOfHead[:2])
	if status, err = parseStatus(line); err != nil {
		return 0, 0, 0, err
	}
	if length, err = parseLength(fields); err != nil {
		return 0, 0, 0, err
	}
	return status, end + len(endOfHead), length, nil
}

func parseStatus(line []byte) (int, error) {
	if len(line) < 12 || string(line[:9]) != "HTTP/1.1 " {
		return 0, fmt.Errorf("not an answer of HTTP/1.1: %.60q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, fmt.Errorf("not an answer of HTTP/1.1: %.60q", line)
	}
	return status, nil
}

// parseLength returns the Content-Length among header fields.
func parseLength(fields []byte) (int, error) {
	length := -1
	for len(fields) > 0 {
		var field []byte
		field, fields, _ = bytes.Cut(fields, endOfHead[:2])
		name, value, _ := bytes.Cut(field, []byte{':'})
		switch {
		case len(name) == len("content-length") && bytes.EqualFold(name, []byte("content-length")):
			n, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			if err != nil || n < 0 {
				return 0, fmt.Errorf("not a Content-Length: %.60q", value)
			}
			length = n
		case len(name) == len("transfer-encoding") && bytes.EqualFold(name, []byte("transfer-encoding")):
			return 0, errChunked
		}
	}
	if length < 0 {
		return 0, errors.New("the answer has no Content-Length")
	}
	return length, nil
}

// Address returns the host:port of an endpoint such as http://localhost:8000.
func Address(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" || u.Host == "" || u.Path != "" && u.Path != "/" {
		return "", fmt.Errorf("endpoint %q: use one like http://127.0.0.1:8000", endpoint)
	}
	if u.Port() == "" {
		return net.JoinHostPort(u.Hostname(), "80"), nil
	}
	return u.Host, nil
}
