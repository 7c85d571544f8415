package table

import (
	"slices"
	"time"
)

// Destination is a Kinesis data stream that gets the changes of a table.
type Destination struct {
	ARN       string // of the data stream
	State     DestinationState
	Reason    string `json:",omitempty"` // why it is in its state
	Precision string // of times: MILLISECOND or MICROSECOND
	// First is the number of the first shard of the change log that it reads.
	First uint32
}

// DestinationState is a DestinationStatus that lasts. (Others are only in the
// answers to the requests that change a destination.)
type DestinationState string

// The states of a Destination.
const (
	DestinationEnabling DestinationState = "ENABLING" // until it is known whether the data stream exists
	DestinationActive   DestinationState = "ACTIVE"
	DestinationDisabled DestinationState = "DISABLED"
	DestinationFailed   DestinationState = "ENABLE_FAILED"
)

// Reads reports whether the changes of the table go to k.
func (k Destination) Reads() bool {
	return k.State == DestinationEnabling || k.State == DestinationActive
}

// Destination returns the Kinesis destination of d with an ARN, or nil.
func (d *Descriptor) Destination(arn string) *Destination {
	i := slices.IndexFunc(d.Kinesis, func(k Destination) bool { return k.ARN == arn })
	if i < 0 {
		return nil
	}
	return &d.Kinesis[i]
}

// EnableDestination makes the changes of d, from now on, go to a data stream
// that does not get them yet.
func (d *Descriptor) EnableDestination(arn, precision string, now time.Time) {
	d.Kinesis = slices.DeleteFunc(d.Kinesis, func(k Destination) bool { return k.ARN == arn })
	d.Kinesis = append(d.Kinesis, Destination{ARN: arn, State: DestinationEnabling, Precision: precision, First: d.LastShard + 1})
	d.renewShards(now)
}

// EndDestination makes no more changes go to k, which is d's, for a reason.
func (d *Descriptor) EndDestination(k *Destination, state DestinationState, reason string, now time.Time) {
	k.State, k.Reason = state, reason
	d.renewShards(now)
}
