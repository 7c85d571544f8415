package table

// WriteUnits returns the write capacity units of size bytes: one for every
// KB begun, at least one.
func WriteUnits(size int) float64 { return float64(max(1, (size+1023)/1024)) }

// ReadUnits returns the read capacity units of size bytes: one for every 4 KB
// begun, at least one; half of that for an eventually consistent read.
func ReadUnits(size int, consistent bool) float64 {
	units := float64(max(1, (size+4095)/4096))
	if !consistent {
		units /= 2
	}
	return units
}
