package api

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/table"
)

// noPolicy is the ExpectedRevisionId of a resource that has no policy. (API
// reference, PutResourcePolicy.)
const noPolicy = "NO_POLICY"

// guarded is a table or a stream, which can have a policy.
type guarded struct {
	table string // the name under which it is kept
	label string // of the stream, "" for the table
	arn   string
}

// meantARN returns the ARN that a ResourceArn means, which may be the name of a
// table: the model allows that.
func (a *API) meantARN(nameOrARN string) string {
	if strings.HasPrefix(nameOrARN, "arn:") {
		return nameOrARN
	}
	return a.tableARN(a.tableName(nameOrARN))
}

// guarded returns what a ResourceArn names. Indexes are in the policy of their
// table.
func (a *API) guarded(nameOrARN string) (guarded, error) {
	arn := a.meantARN(nameOrARN)
	if of, label, ok := stream.ParseARN(arn); ok {
		return guarded{a.tableName(of), label, arn}, nil
	}
	t, err := a.tagged(arn)
	if err != nil {
		return guarded{}, err
	}
	return guarded{table: t.Name, arn: arn}, nil
}

// policy returns where d keeps the policy of g, nil if it has no such stream.
func (g guarded) policy(d *table.Descriptor) **table.Policy {
	if g.label == "" {
		return &d.Policy
	}
	for i := range d.Streams {
		if d.Streams[i].Label == g.label {
			return &d.Streams[i].Policy
		}
	}
	return nil
}

// notFound is the error for a resource that is not there.
func (g guarded) notFound() error {
	return ddberr.ResourceNotFound("Requested resource not found: ResourcArn: " + g.arn + " not found")
}

// changePolicy makes edit change the policy of what arn names, if it has the
// revision that is expected.
func (a *API) changePolicy(ctx context.Context, arn, expected string, edit func(policy **table.Policy) error) error {
	g, err := a.guarded(arn)
	if err != nil {
		return err
	}
	_, err = a.Engine.Change(ctx, g.table, func(d *table.Descriptor) error {
		if err := checkCreated(d); err != nil {
			return err
		}
		policy := g.policy(d)
		if policy == nil {
			return g.notFound()
		}
		if !isRevision(*policy, expected) {
			return ddberr.PolicyNotFound(g.arn)
		}
		return edit(policy)
	})
	if errors.Is(err, table.ErrNotFound) {
		return g.notFound()
	}
	return err
}

// isRevision reports whether p has the expected revision, "" for any.
func isRevision(p *table.Policy, expected string) bool {
	switch {
	case expected == "":
		return true
	case p == nil:
		return expected == noPolicy
	}
	return p.Revision == expected
}

// newPolicy returns the policy with a text, in place of old. The same text is the
// same policy.
func (a *API) newPolicy(old *table.Policy, text string) (*table.Policy, error) {
	if _, err := iam.Parse([]byte(text), iam.Resource); err != nil {
		return nil, ddberr.PolicyMalformed.Fault(err.Error())
	}
	if old != nil && old.Text == text {
		return old, nil
	}
	revision := a.Now().UnixMilli()
	if old != nil {
		if before, err := strconv.ParseInt(old.Revision, 10, 64); err == nil {
			revision = max(revision, before+1)
		}
	}
	return &table.Policy{Text: text, Revision: strconv.FormatInt(revision, 10)}, nil
}
