package table

import "github.com/statordb/stator/internal/iam"

// Policy is the resource-based policy of a table or stream.
type Policy struct {
	Text     string // as it was put
	Revision string // RevisionId

	parsed *iam.Policy // set by prepare
}

// deny is the policy for one that cannot be understood: nobody may do anything.
var deny = func() *iam.Policy {
	p, err := iam.Parse([]byte(`{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}}`), iam.Resource)
	if err != nil {
		panic(err)
	}
	return p
}()

func (p *Policy) prepare() {
	if p == nil || p.parsed != nil {
		return
	}
	var err error
	if p.parsed, err = iam.Parse([]byte(p.Text), iam.Resource); err != nil { // another version took it
		p.parsed = deny
	}
}

// compiled returns p as decisions take it, nil for none.
func (p *Policy) compiled() *iam.Policy {
	if p == nil {
		return nil
	}
	return p.parsed
}

// ResourcePolicy returns the policy of the table and its indexes, nil for none.
func (d *Descriptor) ResourcePolicy() *iam.Policy { return d.Policy.compiled() }

// ResourcePolicy returns the policy of the stream, nil for none.
func (s Stream) ResourcePolicy() *iam.Policy { return s.Policy.compiled() }
