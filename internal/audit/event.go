package audit

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// Event is something that somebody did, or tried to.
type Event struct {
	Time         time.Time
	Identity     Identity
	Source       string // DynamoDB or STS
	Name         string // of the operation
	Region       string
	SourceIP     string
	UserAgent    string
	ErrorCode    string // "" if it did what was asked
	ErrorMessage string
	// Request and Response are bodies as JSON; nil where there is none, or where
	// it is not to be told: Response is for management events that have changed
	// something.
	Request   []byte
	Response  []byte
	RequestID string
	ReadOnly  bool
	Data      bool
	Resources []Resource
	Account   string // whose resource it is, which gets the record
	// Stranger says that who asked is not known: of such requests not all have
	// records, see Options.Strangers, and those are short.
	Stranger bool
}

// Resource is what an event is about.
type Resource struct {
	AccountID string `json:"accountId"`
	Type      string `json:"type"` // AWS::DynamoDB::Table, AWS::DynamoDB::Stream, AWS::IAM::Role
	ARN       string `json:"ARN"`
	// Key are the attributes of the primary key of a table.
	Key []string `json:"-"`
}

// isTable reports whether r is the table that a request means by a name or an ARN.
func (r *Resource) isTable(name string) bool {
	return name != "" && (r.ARN == name || strings.HasSuffix(r.ARN, ":table/"+name))
}

// changes reports whether e has changed something.
func (e *Event) changes() bool { return !e.ReadOnly && e.ErrorCode == "" }

// record is an Event as CloudTrail writes it. (CloudTrail user guide, "CloudTrail
// record contents".)
type record struct {
	EventVersion        string          `json:"eventVersion"`
	UserIdentity        Identity        `json:"userIdentity"`
	EventTime           string          `json:"eventTime"`
	EventSource         string          `json:"eventSource"`
	EventName           string          `json:"eventName"`
	AWSRegion           string          `json:"awsRegion"`
	SourceIPAddress     string          `json:"sourceIPAddress"`
	UserAgent           string          `json:"userAgent"`
	ErrorCode           string          `json:"errorCode,omitempty"`
	ErrorMessage        string          `json:"errorMessage,omitempty"`
	RequestParameters   json.RawMessage `json:"requestParameters"`
	ResponseElements    json.RawMessage `json:"responseElements"`
	RequestID           string          `json:"requestID"`
	EventID             string          `json:"eventID"`
	ReadOnly            bool            `json:"readOnly"`
	Resources           []Resource      `json:"resources,omitempty"`
	EventType           string          `json:"eventType"`
	APIVersion          string          `json:"apiVersion,omitempty"`
	ManagementEvent     bool            `json:"managementEvent"`
	RecipientAccountID  string          `json:"recipientAccountId,omitempty"`
	ServiceEventDetails json.RawMessage `json:"serviceEventDetails,omitempty"`
	EventCategory       string          `json:"eventCategory"`
}

const (
	eventVersion = "1.08"
	apiVersion   = "2012-08-10"

	// maxText is how long a text of a client may be in a record, in bytes.
	// (CloudTrail user guide, "CloudTrail record contents".)
	maxText = 1 << 10
)

// line returns e as a line.
func (e *Event) line(id string, values bool) ([]byte, error) {
	longest, request := maxText, parameters(e.Name, e.Request, values, e.Resources...)
	if e.Stranger {
		longest = maxStrangerText
		if len(request) > maxStrangerParameters {
			request = omitted(len(request))
		}
	}
	cut := func(text string) string { return shorten(text, longest) }
	r := record{
		EventVersion: eventVersion, UserIdentity: e.Identity,
		EventTime: e.Time.UTC().Format(time.RFC3339), EventSource: e.Source, EventName: cut(e.Name),
		AWSRegion: cut(e.Region), SourceIPAddress: e.SourceIP, UserAgent: cut(e.UserAgent),
		ErrorCode: cut(e.ErrorCode), ErrorMessage: cut(e.message(values)),
		RequestParameters: request, ResponseElements: parameters("", e.Response, values),
		RequestID: e.RequestID, EventID: id, ReadOnly: e.ReadOnly, Resources: e.Resources,
		EventType: "AwsApiCall", ManagementEvent: !e.Data, RecipientAccountID: e.Account, EventCategory: "Management",
	}
	if e.Data {
		r.EventCategory = "Data"
	}
	if e.Source == DynamoDB {
		r.APIVersion = apiVersion
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(&r)
	return b.Bytes(), err
}

// message returns the error's text. Where it says what is wrong with an item it
// may have values of it, and where it says what is wrong with an Authorization
// header it has what was in there, which somebody may have taken for an access key.
func (e *Event) message(values bool) string {
	if e.ErrorCode == "IncompleteSignatureException" || e.ErrorCode == "IncompleteSignature" {
		return redacted
	}
	if e.Data && e.ErrorCode == "ValidationException" && !values {
		return redacted
	}
	return e.ErrorMessage
}

// shorten cuts what a client may have made longer than n bytes.
func shorten(text string, n int) string {
	if len(text) > n {
		text = text[:n]
		for !utf8.ValidString(text[max(len(text)-utf8.UTFMax, 0):]) && text != "" {
			text = text[:len(text)-1]
		}
	}
	return strings.ToValidUTF8(text, "?")
}
