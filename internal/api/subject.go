package api

import (
	"strings"

	"github.com/statordb/stator/internal/iam"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/table"
)

// subject is what a request takes an action on, and what policies can say of
// that.
type subject struct {
	arn     string
	shown   string      // in denials; "" for arn
	account string      // of its owner
	policy  *iam.Policy // its own, nil for none
	table   *table.Table
	schema  table.KeySchema // of the table, or of the index that arn names
	tags    []model.Tag     // that the request gives it
	untags  []string        // keys of tags that the request takes away
	items   func() *use     // is asked once, if a policy asks; nil: the request is not about items
	use     *use            // what items said
}

// aboutTable returns the table that a TableName means, be it there or not.
func (a *API) aboutTable(nameOrARN string) subject {
	name := a.tableName(nameOrARN)
	account, _, _ := a.Home.Split(name)
	s := subject{arn: a.tableARN(name), account: account}
	if s.table = a.Engine.Catalog.Get(name); s.table != nil {
		s.policy, s.schema = s.table.ResourcePolicy(), s.table.Key
	}
	return s
}

// aboutIndex returns the index of a table, or the table for "".
func (a *API) aboutIndex(nameOrARN, index string) subject {
	s := a.aboutTable(nameOrARN)
	if index == "" {
		return s
	}
	s.arn += "/index/" + index
	s.schema = table.KeySchema{}
	if s.table != nil {
		if x := s.table.Index(index); x != nil {
			s.schema = x.Key
		}
	}
	return s
}

// aboutARN returns what an ARN names that has the ARN of its table in front: a
// table, a stream, a backup, an export. What is no such ARN is a resource of the
// caller's. What is made of a table has no policy, nor that of the table. (Developer
// guide, "DynamoDB API operations supported by resource-based policies".)
func (a *API) aboutARN(arn string) subject {
	if _, _, ok := stream.ParseARN(arn); ok {
		return a.aboutStream(arn)
	}
	resource, ok := model.TableOfARN(arn)
	if !ok {
		return subject{arn: arn, account: a.Account}
	}
	title, rest, _ := strings.Cut(resource, "/")
	s := a.aboutTable(strings.TrimSuffix(arn, resource) + title)
	if rest != "" {
		s.arn += "/" + rest
		s.policy = nil
	}
	return s
}

// aboutStream returns the stream with an ARN, be it there or not. It has a policy
// of its own.
func (a *API) aboutStream(arn string) subject {
	of, label, ok := stream.ParseARN(arn)
	if !ok {
		return subject{arn: arn, account: a.Account}
	}
	s := a.aboutTable(of)
	s.arn += "/stream/" + label
	s.policy = nil
	if found, err := a.Streams.Find(arn); err == nil {
		s.policy = found.ResourcePolicy()
	}
	return s
}

// values returns those of a condition key of the service, or about the resource.
// (Service authorization reference, "Condition keys for Amazon DynamoDB".)
func (s *subject) values(key string) ([]string, bool) {
	if name, ok := strings.CutPrefix(key, "aws:resourcetag/"); ok {
		return s.resourceTag(name)
	}
	if name, ok := strings.CutPrefix(key, "aws:requesttag/"); ok {
		return s.requestTag(name)
	}
	switch key {
	case "aws:tagkeys":
		return s.tagKeys()
	case "aws:resourceaccount":
		return []string{s.account}, true
	}
	if s.items == nil || !strings.HasPrefix(key, "dynamodb:") {
		return nil, false
	}
	if s.use == nil {
		s.use = s.items()
	}
	return s.use.values(key, s.schema)
}

func (s *subject) requestTag(name string) ([]string, bool) {
	for _, t := range s.tags {
		if strings.EqualFold(t.Key.V, name) {
			return []string{t.Value.V}, true
		}
	}
	return nil, false
}

// resourceTag returns the value of a tag of the table, or of one that the request
// creates it with. (IAM user guide, "AWS global condition context keys",
// aws:ResourceTag.)
func (s *subject) resourceTag(name string) ([]string, bool) {
	if s.table == nil {
		return s.requestTag(name)
	}
	for _, t := range s.table.Tags {
		if strings.EqualFold(t.Key, name) {
			return []string{t.Value}, true
		}
	}
	return nil, false
}

func (s *subject) tagKeys() (keys []string, present bool) {
	keys = s.untags
	for _, t := range s.tags {
		keys = append(keys, t.Key.V)
	}
	return keys, len(keys) > 0
}
