package bench

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"time"
)

// Signer signs requests as SDKs do, in place of the credentials that they have
// otherwise. It is used by one goroutine.
type Signer struct {
	accessKey, secret string

	now   time.Time // to the second
	stamp []byte    // now, as X-Amz-Date
	key   hash.Hash // HMAC of the day
}

// NewSigner returns a signer for an access key of 20 characters.
func NewSigner(accessKey, secret string) (*Signer, error) {
	if len(accessKey) != len(fakeKey) {
		return nil, fmt.Errorf("access key of %d characters: use one of %d", len(accessKey), len(fakeKey))
	}
	return &Signer{accessKey: accessKey, secret: secret}, nil
}

// clone returns a signer for another goroutine, nil for nil.
func (s *Signer) clone() *Signer {
	if s == nil {
		return nil
	}
	return &Signer{accessKey: s.accessKey, secret: s.secret}
}

const (
	stampFormat = "20060102T150405Z"
	dateLen     = len("20060102")
	fakeKey     = "AKIABENCHBENCHBENCH0"
	fakeStamp   = "20260101T000000Z"
)

// sign puts a signature into a request that newRequest has made.
func (s *Signer) sign(request []byte, now time.Time) {
	if now.Sub(s.now) >= time.Second || s.key == nil {
		s.setTime(now)
	}
	end := bytes.Index(request, endOfHead)
	head, body := request[:end], request[end+len(endOfHead):]
	field := func(name string) []byte {
		_, rest, _ := bytes.Cut(head, []byte(name+": "))
		value, _, _ := bytes.Cut(rest, []byte("\r\n"))
		return value
	}
	copy(field("X-Amz-Date"), s.stamp)
	authorization := field("Authorization")
	scope := authorization[bytes.IndexByte(authorization, '=')+1:]
	copy(scope, s.accessKey)
	copy(scope[len(fakeKey)+1:], s.stamp[:dateLen])
	sum := sha256.Sum256(body)
	canonical := make([]byte, 0, 512)
	canonical = fmt.Appendf(canonical, "POST\n/\n\ncontent-type:%s\nhost:%s\nx-amz-date:%s\nx-amz-target:%s\n\ncontent-type;host;x-amz-date;x-amz-target\n",
		field("Content-Type"), field("Host"), s.stamp, field("X-Amz-Target"))
	canonical = hex.AppendEncode(canonical, sum[:])
	sum = sha256.Sum256(canonical)
	text := fmt.Appendf(canonical[:0], "AWS4-HMAC-SHA256\n%s\n%s/us-east-1/dynamodb/aws4_request\n", s.stamp, s.stamp[:dateLen])
	text = hex.AppendEncode(text, sum[:])
	s.key.Reset()
	s.key.Write(text)
	hex.Encode(authorization[len(authorization)-2*sha256.Size:], s.key.Sum(nil))
}

func (s *Signer) setTime(now time.Time) {
	s.now = now
	s.stamp = now.UTC().AppendFormat(nil, stampFormat)
	key := []byte("AWS4" + s.secret)
	for _, part := range []string{string(s.stamp[:dateLen]), "us-east-1", "dynamodb", "aws4_request"} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	s.key = hmac.New(sha256.New, key)
}
