package bench

import (
	"context"
	"maps"
	"math/rand/v2"
	"net"
	"testing"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func TestBaseline(t *testing.T) {
	sizes := map[string]int{"GetItem": 1234, "PutItem": 2}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := NewBaseline(sizes)
	served := make(chan error, 1)
	go func() { served <- b.Serve(ln) }()
	c, err := dial(context.Background(), ln.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for operation, size := range sizes {
		body, err := call(context.Background(), c, newRequest("x", operation, `{"a":[1,2,{"b":"c"}]}`))
		if err != nil || len(body) != size {
			t.Errorf("%s: %d bytes, %v", operation, len(body), err)
		}
	}
	for _, r := range []*request{newRequest("x", "Scan", `{}`), newRequest("x", "GetItem", `{"a":}`)} {
		if _, err := call(context.Background(), c, r); err == nil {
			t.Errorf("%s is not refused", r.operation)
		}
	}
	c.Close()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestSizes(t *testing.T) {
	sizes := map[string]int{"GetItem": 1234, "PutItem": 2}
	got, err := ParseSizes(FormatSizes(sizes))
	if err != nil || !maps.Equal(got, sizes) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"GetItem", "GetItem=", "GetItem=x"} {
		if _, err := ParseSizes([]string{bad}); err == nil {
			t.Errorf("%q is not refused", bad)
		}
	}
}

func TestParseLoads(t *testing.T) {
	if got, err := ParseLoads("all"); err != nil || len(got) != len(loads) {
		t.Errorf("%v %v", got, err)
	}
	if got, err := ParseLoads("get,ycsb-a"); err != nil || len(got) != 2 {
		t.Errorf("%v %v", got, err)
	}
	if _, err := ParseLoads("get,"); err == nil {
		t.Error("an empty name is not refused")
	}
}
