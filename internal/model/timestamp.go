package model

import (
	"math"
	"strconv"
	"time"
)

// Timestamp is a point in time, in milliseconds since 1970 UTC. On the wire
// it is a number of seconds with up to three decimals.
type Timestamp int64

// TimestampOf returns t cut to milliseconds.
func TimestampOf(t time.Time) Timestamp { return Timestamp(t.UnixMilli()) }

// Time returns t in UTC.
func (t Timestamp) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// timestampFromSeconds rounds to milliseconds; what no timestamp can hold
// becomes the nearest that can.
func timestampFromSeconds(s float64) Timestamp {
	const limit = 1 << 53
	return Timestamp(math.Round(max(-limit, min(limit, s*1000))))
}

// appendTimestamp appends t in seconds, never in exponent form.
func appendTimestamp(p *Timestamp, dst []byte) []byte {
	ms := int64(*p)
	if ms < 0 {
		dst = append(dst, '-')
		ms = -ms
	}
	dst = strconv.AppendInt(dst, ms/1000, 10)
	frac := ms % 1000
	if frac == 0 {
		return dst
	}
	dst = append(dst, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}
