package meter

import "time"

// bucket is a token bucket. Its level may be negative: a debt.
type bucket struct {
	rate  float64 // tokens per second
	size  float64 // most tokens
	level float64
	at    time.Time // of level
}

// configure changes rate and size. A new bucket holds one second of tokens.
func (b *bucket) configure(now time.Time, rate float64, hold time.Duration, first bool) {
	b.fill(now)
	b.rate, b.size = rate, rate*hold.Seconds()
	if first {
		b.level, b.at = rate, now
	}
	b.level = min(b.level, b.size)
}

// fill adds the tokens since the last call. A clock that goes back adds none.
func (b *bucket) fill(now time.Time) {
	if passed := now.Sub(b.at); passed > 0 {
		b.level = min(b.size, b.level+b.rate*passed.Seconds())
	}
	b.at = now
}

func (b *bucket) empty(now time.Time) bool {
	b.fill(now)
	return b.level <= 0
}

func (b *bucket) take(now time.Time, tokens float64) {
	b.fill(now)
	b.level -= tokens
}

// peak follows the highest units per second of a resource.
type peak struct {
	former  float64 // of the windows that are over
	current float64 // of this window
	window  time.Time
	second  time.Time
	units   float64 // in this second
}

// add counts units and reports whether former grew.
func (p *peak) add(now time.Time, units float64) bool {
	if second := now.Truncate(time.Second); !second.Equal(p.second) {
		p.current = max(p.current, p.units)
		p.second, p.units = second, 0
	}
	p.units += units
	if now.Sub(p.window) < peakWindow {
		return false
	}
	grew := p.current > p.former
	p.former = max(p.former, p.current)
	p.current, p.window = 0, now
	return grew
}
