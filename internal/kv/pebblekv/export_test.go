package pebblekv

// ShareLock reports whether the lock of key is that of one of others too.
func (s *Store) ShareLock(key []byte, others [][]byte) bool {
	for _, other := range others {
		if stripeOf(s.stripes.hash(key)) == stripeOf(s.stripes.hash(other)) {
			return true
		}
	}
	return false
}
