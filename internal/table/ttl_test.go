package table_test

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/memkv"
	"github.com/statordb/stator/internal/kv/sealkv"
	"github.com/statordb/stator/internal/patience"
	"github.com/statordb/stator/internal/seal"
	"github.com/statordb/stator/internal/seal/kmstest"
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

// Items under a key that cannot be used do not keep those behind them from expiring.
func TestExpireBehindDisabledKey(t *testing.T) {
	kms := kmstest.New(t)
	older, newer := kms.Add("older", ""), kms.Add("newer", "")
	sealed, err := sealkv.Open(ctx, memkv.New(memkv.Options{}), seal.NewKMS(kms.URL, "us-east-1"), time.Now)
	must(t, err)
	e := openEngine(t, sealed)
	e.SealWith(sealed)
	now := time.Now()
	d := simpleTable("t")
	d.TTL = table.TTL{Attribute: "until", Listed: true}
	d.SSE, err = e.GiveKey(ctx, table.SSE{Enabled: true, Key: older})
	must(t, err)
	tbl := create(t, e, d)
	writeExpiring := func(n int, name string, since time.Duration) {
		until := attr.Attribute{Name: "until", Value: number(strconv.FormatInt(now.Add(-since).Unix(), 10))}
		for i := range n {
			write(t, e, put(tbl, attr.NewItem(str("pk", name+strconv.Itoa(i)), str("sk", "x"), until)))
		}
	}
	left := func() int64 { return tbl.Counts.Of(tbl.Space).Items }
	writeExpiring(300, "old", time.Hour) // more than one transaction deletes
	next, err := e.ChangeKey(ctx, tbl.SSE, table.SSE{Enabled: true, Key: newer})
	must(t, err)
	tbl, err = e.Change(ctx, "t", func(d *table.Descriptor) error { d.SSE = next; return nil })
	must(t, err)
	writeExpiring(150, "new", time.Minute)
	writeExpiring(5, "later", -time.Hour)
	kms.Set("older", "Disabled")
	must(t, sealed.Refresh(ctx))
	if err := e.ExpireAll(ctx, now); err == nil || !strings.Contains(err.Error(), "300 items stay until their key can be used: the key "+older+" cannot be used: DisabledException") {
		t.Errorf("items under a disabled key: %v", err)
	}
	if n := left(); n != 305 {
		t.Errorf("%d items are left, want 300 under the disabled key and 5 that do not expire yet", n)
	}
	writeExpiring(2, "newest", time.Minute)
	must(t, e.ExpireAll(ctx, now)) // it was said
	if n := left(); n != 305 {
		t.Errorf("%d items are left, want 305", n)
	}
	kms.Set("older", "Enabled")
	must(t, sealed.Refresh(ctx))
	must(t, e.ExpireAll(ctx, now))
	if n := left(); n != 5 {
		t.Errorf("%d items are left, want the 5 that do not expire yet", n)
	}
	must(t, e.Check(ctx, tbl))
}
