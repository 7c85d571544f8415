package sts

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/identity"
)

// How long a session of a role is, in seconds.
const (
	roleDuration    = 3600
	maxRoleDuration = 43200
	chainedDuration = 3600 // at most, of one whose caller is a session
)

type credentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string

	expires time.Time
}

func credentialsOf(i *identity.Issued) credentials {
	return credentials{i.AccessKey, string(i.Secret), string(i.Token), i.Expires.UTC().Format(time.RFC3339), i.Expires}
}

// recordedTime is how CloudTrail writes down when credentials end. (IAM user guide,
// "Logging IAM and AWS STS API calls with AWS CloudTrail".)
const recordedTime = "Jan 2, 2006, 3:04:05 PM"

func (c credentials) recorded() map[string]any {
	return map[string]any{"accessKeyId": c.AccessKeyID, "expiration": c.expires.UTC().Format(recordedTime)}
}

type assumedRoleUser struct {
	AssumedRoleID string `xml:"AssumedRoleId"`
	ARN           string `xml:"Arn"`
}

func userOf(role *identity.CompiledRole, session string) assumedRoleUser {
	p := role.Session(session)
	return assumedRoleUser{p.ID, p.ARN}
}

func (u assumedRoleUser) recorded() map[string]any {
	return map[string]any{"assumedRoleId": u.AssumedRoleID, "arn": u.ARN}
}

type assumedRole struct {
	Credentials     credentials
	AssumedRoleUser assumedRoleUser
	tokenSize
	SourceIdentity string `xml:",omitempty"`
}

// tokenSize is how long a token is, and which part of the longest one, in
// percent. PackedPolicySize is what was there before, for session policies and
// tags.
type tokenSize struct {
	SessionTokenSize, SessionTokenUtilization int
	PackedPolicySize                          int `xml:",omitempty"`
}

func sizeOf(i *identity.Issued, r roleRequest) tokenSize {
	n := len(i.Token)
	size := tokenSize{SessionTokenSize: n, SessionTokenUtilization: identity.TokenShare(n)}
	if r.policy != "" || len(r.policyARNs)+len(r.tags) > 0 {
		size.PackedPolicySize = size.SessionTokenUtilization
	}
	return size
}

func (r assumedRole) recorded() map[string]any {
	out := map[string]any{"credentials": r.Credentials.recorded(), "assumedRoleUser": r.AssumedRoleUser.recorded()}
	if r.SourceIdentity != "" {
		out["sourceIdentity"] = r.SourceIdentity
	}
	return out
}

// roleRequest is what AssumeRole and AssumeRoleWithWebIdentity have in common.
type roleRequest struct {
	arn, session string
	policy       string
	policyARNs   []string
	duration     int // seconds
	tokenSize    int // at least, in characters
	tags         map[string]string
	transitive   []string
	source       string // source identity
	federated    string
	keys         iam.Keys // of the session
}

func (f *form) roleRequest() roleRequest {
	return roleRequest{
		arn: f.text("RoleArn", arnText, true), session: f.text("RoleSessionName", sessionName, true),
		policy: f.text("Policy", policyText, false), policyARNs: f.list("PolicyArns", ".arn", 10, arnText),
		duration: f.number("DurationSeconds", roleDuration, minDuration, maxRoleDuration), tokenSize: f.tokenSize(),
	}
}

// assumeRole gives temporary credentials of a role.
func (s *STS) assumeRole(_ context.Context, c *call) (any, error) {
	f := c.form
	r := f.roleRequest()
	external := f.text("ExternalId", externalID, false)
	r.tags, r.transitive = f.tags(), f.list("TransitiveTagKeys", "", 50, tagKey)
	r.source = f.text("SourceIdentity", sourceIdentity, false)
	device := f.device()
	if err := errors.Join(f.err(), r.checkTags()); err != nil {
		return nil, err
	}
	if _, err := accountOfRole(r.arn); err != nil {
		return nil, err
	}
	who := c.Caller.Principal
	switch {
	case who.IsRoot():
		return nil, denied("Roles may not be assumed by root accounts.")
	case device != "":
		return nil, noDevice()
	}
	if err := r.inherit(c.Caller.Session); err != nil {
		return nil, err
	}
	f.incoming = incoming(c.Caller.Session)
	keys := r.conditionKeys()
	if external != "" {
		keys.Set("sts:ExternalId", external)
	}
	role := s.directory.Role(r.arn)
	for _, action := range r.actions("sts:AssumeRole") {
		if !allowed(who, role, action, r.arn, both{keys, c.Keys}) {
			return nil, denied("User: %s is not authorized to perform: %s on resource: %s", who.ARN, action, printable(r.arn))
		}
	}
	if c.Caller.Session != nil && r.duration > chainedDuration {
		return nil, sender("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	issued, err := s.issue(role, r)
	if err != nil {
		return nil, err
	}
	c.role = role
	return assumedRole{credentialsOf(issued), userOf(role, r.session), sizeOf(issued, r), r.source}, nil
}

// checkTags checks the session tags with each other.
func (r *roleRequest) checkTags() error {
	for _, key := range r.transitive {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(r.tags)), func(k string) bool { return strings.EqualFold(k, key) }) {
			return sender("ValidationError", "The transitive tag key %s is not a key of the session tags.", key)
		}
	}
	if err := identity.CheckTags(r.tags); err != nil {
		return sender("ValidationError", "The session tags are not valid: %s.", err)
	}
	return nil
}

// inherit adds what the session of a caller hands on: its transitive tags and
// its source identity, which stay as they are.
func (r *roleRequest) inherit(from *identity.Session) error {
	if from == nil {
		return nil
	}
	if from.SourceIdentity != "" {
		if r.source != "" && r.source != from.SourceIdentity {
			return denied("The source identity of a session cannot be changed.")
		}
		r.source = from.SourceIdentity
	}
	for _, key := range from.TransitiveTags {
		for own := range r.tags {
			if strings.EqualFold(own, key) {
				return denied("The transitive session tag %s cannot be changed.", key)
			}
		}
		if r.tags == nil {
			r.tags = map[string]string{}
		}
		r.tags[key] = from.Tags[key]
		r.transitive = append(r.transitive, key)
	}
	return nil
}

// incoming returns the tags that the session of a caller hands on.
func incoming(from *identity.Session) map[string]string {
	if from == nil {
		return nil
	}
	tags := map[string]string{}
	for _, key := range from.TransitiveTags {
		tags[key] = from.Tags[key]
	}
	return tags
}

// actions are what somebody must be allowed to do for r. (IAM user guide,
// "Pass session tags in AWS STS", "Monitor and control actions taken with
// assumed roles".)
func (r *roleRequest) actions(first string) []string {
	actions := []string{first}
	if len(r.tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if r.source != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	return actions
}

// conditionKeys returns what conditions may ask about r. (IAM user guide,
// "Available keys for AWS STS".)
func (r *roleRequest) conditionKeys() iam.Keys {
	keys := iam.Keys{}
	keys.Set("sts:RoleSessionName", r.session)
	keys.Set("sts:DurationSeconds", strconv.Itoa(r.duration))
	if r.source != "" {
		keys.Set("sts:SourceIdentity", r.source)
	}
	if len(r.tags) > 0 {
		keys.Set("aws:TagKeys", slices.Sorted(maps.Keys(r.tags))...)
	}
	if len(r.transitive) > 0 {
		keys.Set("sts:TransitiveTagKeys", r.transitive...)
	}
	for key, value := range r.tags {
		keys.Set("aws:RequestTag/"+key, value)
	}
	return keys
}

// both asks one Context, then another one, which may be nil.
type both struct{ first, then iam.Context }

// Values implements iam.Context.
func (b both) Values(key string) (values []string, present bool) {
	if values, present = b.first.Values(key); present || b.then == nil {
		return values, present
	}
	return b.then.Values(key)
}

// allowed reports whether somebody may do something with a role, which is nil
// if there is none.
func allowed(who *iam.Principal, role *identity.CompiledRole, action, arn string, keys iam.Context) bool {
	return role != nil && iam.Decide(iam.Request{
		Principal: who, Action: action, Resource: arn, Account: role.Account, Policy: role.Trust, Context: both{role.ResourceKeys(), keys},
	}).Allowed
}

// issue makes the session of a request that is allowed.
func (s *STS) issue(role *identity.CompiledRole, r roleRequest) (*identity.Issued, error) {
	if r.duration > role.MaxSession {
		return nil, sender("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	if err := s.directory.CheckSessionPolicies(r.policy, r.policyARNs); err != nil {
		return nil, sender("MalformedPolicyDocument", "%s", printable(err.Error()))
	}
	issued, err := s.directory.Issue(identity.Grant{
		Role: role, Name: r.session, Duration: time.Duration(r.duration) * time.Second,
		Policy: r.policy, PolicyARNs: r.policyARNs, Tags: r.tags, TransitiveTags: r.transitive,
		SourceIdentity: r.source, Federated: r.federated, Keys: r.keys, TokenSize: r.tokenSize,
	})
	if size := (*identity.TokenSizeError)(nil); errors.As(err, &size) {
		if r.policy == "" && len(r.policyARNs) == 0 {
			return nil, sender("PackedPolicyTooLarge", "Packed size of session tags consumes %d%% of allotted space.", size.Percent)
		}
		return nil, sender("PackedPolicyTooLarge", "Packed policy consumes %d%% of allotted space, please use smaller policy.", size.Percent)
	}
	return issued, err
}
