package table

import (
	"encoding/binary"

	"github.com/statordb/stator/internal/meter"
)

// meters returns the meters of d's table and indexes, those of the version
// before as far as it has them.
func (c *Catalog) meters(d *Descriptor, before *Table) map[uint32]*meter.Resource {
	meters := map[uint32]*meter.Resource{}
	get := func(space uint32, index bool, t meter.Throughput) *meter.Resource {
		if before != nil && before.ID == d.ID {
			if r := before.meters[space]; r != nil {
				r.Configure(t)
				return r
			}
		}
		return c.meter.Resource(index, t)
	}
	own := get(d.Space, false, configured(d.Billing, d.Throughput, d.OnDemand, d.Warm))
	meters[d.Space] = own
	for _, x := range d.Indexes {
		if x.Global {
			meters[x.Space] = get(x.Space, true, configured(d.Billing, x.Throughput, x.OnDemand, x.Warm))
		} else {
			meters[x.Space] = own
		}
	}
	return meters
}

func configured(b Billing, t Throughput, most *OnDemand, warm *Throughput) meter.Throughput {
	out := meter.Throughput{OnDemand: b.OnDemand, Units: [2]float64{float64(t.Read), float64(t.Write)}}
	if most != nil {
		out.Most = [2]float64{float64(max(most.Read, 0)), float64(max(most.Write, 0))}
	}
	if warm != nil {
		out.Warm = [2]float64{float64(warm.Read), float64(warm.Write)}
	}
	return out
}

// Meter returns the meter of t, or of its index x if not nil.
func (t *Table) Meter(x *Index) *meter.Resource { return t.meters[t.spaceOf(x)] }

// admit returns a *meter.Throttle if a request for the row under key, in t or
// in its index x if not nil, must wait.
func (t *Table) admit(k meter.Kind, x *Index, key []byte) error {
	throttle := t.Meter(x).Admit(k, hashOf(key))
	if throttle == nil {
		return nil
	}
	throttle.Resource = t.Name
	if x != nil && x.Global {
		throttle.Resource += "/index/" + x.Name
	}
	return throttle
}

// charge takes the units of a request for the row under key; admitted says
// that admit has taken one of them.
func (t *Table) charge(k meter.Kind, x *Index, key []byte, units float64, admitted bool) {
	t.Meter(x).Charge(k, hashOf(key), units, admitted)
}

// release gives back what admit took for a request that was not made.
func (t *Table) release(k meter.Kind, x *Index, key []byte) {
	t.Meter(x).Release(k, hashOf(key))
}

// hashOf returns the hash in the key of a row, zero for a shorter key.
func hashOf(key []byte) uint32 {
	if len(key) < hashEnd {
		return 0
	}
	return binary.BigEndian.Uint32(key[spaceLen:])
}
