package bench

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

const (
	partitionDigits = 8
	perPartition    = 10 // items with one partition key; sort keys are 0 to 9
)

// request is an HTTP request with holes, which are overwritten in place before
// it is sent. It belongs to one client.
type request struct {
	operation string
	bytes     []byte
	keys      []keyHole
	texts     []textHole
}

// keyHole is where the digits of an item's keys are: offsets, 0 if the request
// has none.
type keyHole struct {
	partition int // of its digits
	sort      int // of its digit
	group     int // of the digits of the key in the index
}

// group returns the group of item i among n, which is its key in the index.
// Each group has perPartition items of different partitions.
func group(i, n int) int {
	partitions := n / perPartition
	stride := max(partitions/perPartition, 1)
	return (i/perPartition + i%perPartition*stride) % partitions
}

type textHole struct{ offset, length int }

// Fake credentials, unless a Signer replaces them: they make a request as long, and as dear to parse, as one
// of an SDK.
const signature = "AWS4-HMAC-SHA256 Credential=" + fakeKey + "/20260101/us-east-1/dynamodb/aws4_request, " +
	"SignedHeaders=content-type;host;x-amz-date;x-amz-target, " +
	"Signature=0000000000000000000000000000000000000000000000000000000000000000"

// newRequest makes a request of body, in which "{{partition}}", "{{sort}}",
// "{{group}}" and "{{text:N}}" are holes. A sort and a group belong to the
// partition before them; a group may also stand alone.
func newRequest(host, operation, body string) *request {
	r := &request{operation: operation}
	var out []byte
	for body != "" {
		before, hole, found := strings.Cut(body, "{{")
		out = append(out, before...)
		if !found {
			break
		}
		hole, body, _ = strings.Cut(hole, "}}")
		out = r.addHole(out, hole)
	}
	head := fmt.Sprintf("POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-amz-json-1.0\r\n"+
		"X-Amz-Target: DynamoDB_20120810.%s\r\nX-Amz-Date: "+fakeStamp+"\r\nAuthorization: %s\r\n"+
		"User-Agent: stator-bench\r\nContent-Length: %d\r\n\r\n", host, operation, signature, len(out))
	r.shift(len(head))
	r.bytes = append([]byte(head), out...)
	return r
}

// addHole appends room for a hole to the body out.
func (r *request) addHole(out []byte, hole string) []byte {
	switch kind, size, _ := strings.Cut(hole, ":"); kind {
	case "partition":
		r.keys = append(r.keys, keyHole{partition: len(out)})
		return append(out, strings.Repeat("0", partitionDigits)...)
	case "sort":
		r.keys[len(r.keys)-1].sort = len(out)
		return append(out, '0')
	case "group":
		if len(r.keys) == 0 {
			r.keys = append(r.keys, keyHole{})
		}
		r.keys[len(r.keys)-1].group = len(out)
		return append(out, strings.Repeat("0", partitionDigits)...)
	case "text":
		n, err := strconv.Atoi(size)
		if err != nil {
			break
		}
		r.texts = append(r.texts, textHole{len(out), n})
		return append(out, strings.Repeat("x", n)...)
	}
	panic("bench: unknown hole " + hole)
}

// shift moves all holes by n bytes.
func (r *request) shift(n int) {
	for i := range r.keys {
		k := &r.keys[i]
		for _, offset := range []*int{&k.partition, &k.sort, &k.group} {
			if *offset > 0 {
				*offset += n
			}
		}
	}
	for i := range r.texts {
		r.texts[i].offset += n
	}
}

// setItem puts the keys of item i, and of those that follow it among n, into
// the holes.
func (r *request) setItem(i, n int) {
	for k := range r.keys {
		r.setKey(k, i, n)
		if i++; i == n {
			i = 0
		}
	}
}

// setKey puts the keys of item i among n into the holes of the k-th key.
func (r *request) setKey(k, i, n int) {
	hole := r.keys[k]
	if hole.partition > 0 {
		r.setDigits(hole.partition, i/perPartition)
	}
	if hole.sort > 0 {
		r.bytes[hole.sort] = byte('0' + i%perPartition)
	}
	if hole.group > 0 {
		r.setDigits(hole.group, group(i, n))
	}
}

func (r *request) setDigits(offset, v int) {
	for d := offset + partitionDigits - 1; d >= offset; d-- {
		r.bytes[d] = byte('0' + v%10)
		v /= 10
	}
}

// setTexts fills the texts from s.
func (r *request) setTexts(s *texts) {
	for _, t := range r.texts {
		copy(r.bytes[t.offset:], s.next(t.length))
	}
}

// digits returns those of the first partition, or group if there is none.
func (r *request) digits() []byte {
	at := cmp.Or(r.keys[0].partition, r.keys[0].group)
	return r.bytes[at : at+partitionDigits]
}

// texts hands out random texts, at little cost: slices of one long text. The
// long text is longer than what compressors look back on.
type texts struct {
	pool []byte
	rng  *rand.Rand
}

const poolSize = 1 << 20

// newPool returns a text of letters and digits.
func newPool(rng *rand.Rand) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	pool := make([]byte, poolSize)
	for i := range pool {
		pool[i] = letters[rng.Uint32()&63]
	}
	return pool
}

// next returns n bytes.
func (s *texts) next(n int) []byte {
	at := s.rng.IntN(len(s.pool) - n + 1)
	return s.pool[at : at+n]
}
