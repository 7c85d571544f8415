package iam

// steps is how much more work a decision may take. Patterns of the one who asks meet
// texts of the one who asks, and their product is large.
type steps int

const (
	// maxSteps is how many a decision has: a thousand times more than one takes that
	// looks at an item of a hundred attributes, and some milliseconds.
	maxSteps steps = 4 << 20

	// bytesPerStep is how much text is looked at in a step.
	bytesPerStep = 8
)

// spend takes n off s, and reports whether they were there.
func (s *steps) spend(n int) bool {
	*s -= steps(n)
	return *s >= 0
}

// spent reports whether more was asked for than there was.
func (s *steps) spent() bool { return *s < 0 }
