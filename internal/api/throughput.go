package api

import (
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// Warm throughput of a new on-demand table. (Developer guide, "Warm
// throughput".)
const (
	warmRead  = 12000
	warmWrite = 4000
)

func throughput(in *model.ProvisionedThroughput) table.Throughput {
	if in == nil {
		return table.Throughput{}
	}
	return table.Throughput{Read: in.ReadCapacityUnits.V, Write: in.WriteCapacityUnits.V}
}

// A unit is what a request asks for of reads or of writes.
type unit struct {
	member string // as the request calls it
	asked  model.Opt[int64]
	have   int64 // so far, or at least
	plain  string
	quota  string // as DescribeLimits calls it
}

func units(readMember, writeMember string, read, write model.Opt[int64], have table.Throughput) [2]unit {
	return [2]unit{
		{readMember, read, have.Read, "ReadCapacityUnits", "TableMaxReadCapacityUnits"},
		{writeMember, write, have.Write, "WriteCapacityUnits", "TableMaxWriteCapacityUnits"},
	}
}

// onDemandUnits returns what in asks for; have is what there is already.
func onDemandUnits(in *model.OnDemandThroughput, have *table.OnDemand) [2]unit {
	now := table.Throughput{}
	if have != nil {
		now = table.Throughput{Read: max(have.Read, 0), Write: max(have.Write, 0)}
	}
	return units("MaxReadRequestUnits", "MaxWriteRequestUnits", in.MaxReadRequestUnits, in.MaxWriteRequestUnits, now)
}

// ofIndex is how texts about OnDemandThroughput name what it is of.
func ofIndex(index string) string {
	if index == "" {
		return "table"
	}
	return "index : " + index
}

// limitOnDemand returns the limits of an index, or of the table if index is
// empty, after a request: members that are not given stay, -1 removes one, but
// not of what is new.
func (a *API) limitOnDemand(index string, have *table.OnDemand, in *model.OnDemandThroughput, isNew bool) (*table.OnDemand, error) {
	if in == nil {
		return have, nil
	}
	asked := onDemandUnits(in, have)
	for i := range asked {
		u := &asked[i]
		switch n := u.asked.V; {
		case !u.asked.Set:
		case n == 0, n < 0 && (isNew || n != -1):
			return nil, ddberr.OnDemandRange.Fault(u.member, ofIndex(index))
		case n > tableUnits:
			return nil, limitExceeded("Subscriber limit exceeded: Requested %s for OnDemandThroughput for %s exceeds %s of the account in region %s",
				u.member, ofIndex(index), u.quota, a.Region)
		default:
			u.have = max(n, 0)
		}
	}
	if asked[0].have == 0 && asked[1].have == 0 {
		return nil, nil
	}
	return &table.OnDemand{Read: asked[0].have, Write: asked[1].have}, nil
}

// notOnDemand words, by text, that a table in provisioned mode has no
// OnDemandThroughput; what is "" for the table. nil if in asks for nothing.
func notOnDemand(text *ddberr.Text, what string, in *model.OnDemandThroughput) error {
	if in == nil {
		return nil
	}
	for _, u := range onDemandUnits(in, nil) {
		if u.asked.Set {
			return text.Fault(u.member, what)
		}
	}
	return nil
}

// raiseWarm returns the warm throughput of what, now at have, after a request
// whose members may be left out. A lower one is a fault in the words of text.
func (a *API) raiseWarm(text *ddberr.Text, what string, have table.Throughput, in *model.WarmThroughput) (*table.Throughput, error) {
	asked := units("ReadUnitsPerSecond", "WriteUnitsPerSecond", in.ReadUnitsPerSecond, in.WriteUnitsPerSecond, have)
	for i := range asked {
		u := &asked[i]
		switch n := u.asked.V; {
		case !u.asked.Set:
		case n < u.have:
			return nil, text.Fault(u.member, what, u.plain)
		case n > tableUnits && n > u.have:
			return nil, limitExceeded("Subscriber limit exceeded: Requested %s for WarmThroughput for %s exceeds %s of the account in region %s",
				u.member, what, u.quota, a.Region)
		default:
			u.have = n
		}
	}
	return &table.Throughput{Read: asked[0].have, Write: asked[1].have}, nil
}

// newWarm returns the warm throughput that a new table or index is to have,
// nil if none is asked for.
func (a *API) newWarm(what string, b table.Billing, provisioned table.Throughput, in *model.WarmThroughput) (*table.Throughput, error) {
	switch {
	case in == nil:
		return nil, nil
	case b.OnDemand:
		return a.raiseWarm(&ddberr.WarmBelowInitial, what, warmUnits(b, provisioned, nil), in)
	}
	return a.raiseWarm(&ddberr.WarmBelowProvisioned, what, warmUnits(b, provisioned, nil), in)
}

// warmUnits returns the throughput that a table or index can take at once.
func warmUnits(b table.Billing, provisioned table.Throughput, warm *table.Throughput) table.Throughput {
	units := provisioned
	if b.OnDemand {
		units = table.Throughput{Read: warmRead, Write: warmWrite}
	}
	if warm != nil {
		units.Read, units.Write = max(units.Read, warm.Read), max(units.Write, warm.Write)
	}
	return units
}

// keepWarm leaves d and its indexes as warm as they were before: warm
// throughput never falls.
func keepWarm(before, d *table.Descriptor) {
	kept := func(was, is table.Throughput, warm *table.Throughput) *table.Throughput {
		if was.Read <= is.Read && was.Write <= is.Write {
			return warm
		}
		return &table.Throughput{Read: max(was.Read, is.Read), Write: max(was.Write, is.Write)}
	}
	d.Warm = kept(warmUnits(before.Billing, before.Throughput, before.Warm), warmUnits(d.Billing, d.Throughput, d.Warm), d.Warm)
	for _, x := range d.Indexes {
		if was := before.Index(x.Name); was != nil && x.Global {
			x.Warm = kept(warmUnits(before.Billing, was.Throughput, was.Warm), warmUnits(d.Billing, x.Throughput, x.Warm), x.Warm)
		}
	}
}
