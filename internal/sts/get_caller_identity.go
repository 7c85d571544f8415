package sts

import "context"

type callerIdentity struct {
	ARN     string `xml:"Arn"`
	UserID  string `xml:"UserId"`
	Account string
}

// getCallerIdentity needs no permission: it says what the caller knows.
func (s *STS) getCallerIdentity(_ context.Context, c *call) (any, error) {
	p := c.Caller.Principal
	return callerIdentity{p.ARN, p.ID, p.Account}, nil
}
