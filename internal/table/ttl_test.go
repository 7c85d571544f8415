package table_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/table"
)

// clearing is a store that tells the test when a range is to be cleared.
type clearing struct {
	kv.Store
	asked func()
}

func (c *clearing) Clear(ctx context.Context, start, end []byte) error {
	c.asked()
	return c.Store.Clear(ctx, start, end)
}

// A time to live that is set while a start removes the entries of the one
// before finds all items.
func TestTimeToLiveSetWhileStarting(t *testing.T) {
	store := &clearing{Store: onPebble()(t), asked: func() {}}
	e := openEngine(t, store)
	create(t, e, simpleTable("t"))
	now := time.Now()
	enable := func(ttl *table.TTL) error {
		*ttl = table.TTL{Attribute: "until", Changed: now}
		return nil
	}
	tbl, err := e.SetTTL(ctx, "t", enable)
	must(t, err)
	for i := range 5 {
		past := attr.Attribute{Name: "until", Value: number(strconv.FormatInt(now.Unix()-60, 10))}
		write(t, e, put(tbl, attr.NewItem(str("pk", strconv.Itoa(i)), str("sk", ""), past)))
	}
	listed := func() bool { return e.Catalog.Get("t").TTL.Listed }
	patience.Until(t, listed, "the time to live")
	// A kill left the entries although the time to live is disabled.
	_, err = e.Change(ctx, "t", func(d *table.Descriptor) error { d.TTL = table.TTL{}; return nil })
	must(t, err)
	now = now.Add(time.Hour)
	var setting sync.WaitGroup
	var set atomic.Bool
	store.asked = func() {
		setting.Go(func() {
			if _, err := e.SetTTL(ctx, "t", enable); err != nil {
				t.Error(err)
			}
			for !listed() && !t.Failed() {
				runtime.Gosched()
			}
			set.Store(true)
		})
		// One that does not wait has time to end here.
		for i := 0; i < 1_000_000 && !set.Load(); i++ {
			runtime.Gosched()
		}
	}
	must(t, e.StartJobs(ctx))
	setting.Wait()
	must(t, e.ExpireAll(ctx, now))
	if n := e.Catalog.Get("t").Counts.Of(tbl.Space).Items; n != 0 {
		t.Errorf("%d of 5 items are left behind their time", n)
	}
}
