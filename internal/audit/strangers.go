package audit

import (
	"encoding/json"
	"fmt"
	"time"
)

const (
	defaultStrangers = 50

	// burst is for how many seconds strangers may have saved.
	burst = 5

	// summaryInterval is how often it is written down how many of their requests
	// are not.
	summaryInterval = time.Second

	// maxStrangerText and maxStrangerParameters are how long a text of a stranger
	// and his parameters may be in a record, in bytes.
	maxStrangerText       = 256
	maxStrangerParameters = 1 << 10
)

// strangers bounds how much of the log who is not known can fill.
type strangers struct {
	rate  float64   // records in a second
	saved float64   // records that may be written now
	at    time.Time // when that was so
	left  int       // requests without a record since the last summary
	since time.Time // the first of them
}

func newStrangers(rate int, now time.Time) strangers {
	return strangers{rate: float64(rate), saved: float64(burst * rate), at: now}
}

// admit reports whether a request gets a record; else it is counted.
func (s *strangers) admit(now time.Time) bool {
	if passed := now.Sub(s.at).Seconds(); passed > 0 {
		s.saved, s.at = min(s.saved+passed*s.rate, burst*s.rate), now
	}
	if s.saved >= 1 {
		s.saved--
		return true
	}
	if s.left == 0 {
		s.since = now
	}
	s.left++
	return false
}

// summary returns a record of how many requests have none, nil if all have one,
// and begins to count anew. It is one that CloudTrail would write of the service
// itself.
func (s *strangers) summary(id string, now time.Time) []byte {
	if s.left == 0 {
		return nil
	}
	r := record{
		EventVersion: eventVersion, UserIdentity: Unknown(""), EventTime: now.UTC().Format(time.RFC3339), EventSource: DynamoDB, EventName: "RequestsNotRecorded",
		SourceIPAddress: "unknown", RequestParameters: null, ResponseElements: null, EventID: id, ReadOnly: true, EventType: "AwsServiceEvent",
		ManagementEvent: true, EventCategory: "Management",
		ServiceEventDetails: fmt.Appendf(nil, `{"requests":%d,"since":%q}`, s.left, s.since.UTC().Format(time.RFC3339)),
	}
	line, err := json.Marshal(&r)
	if err != nil {
		panic(err) // it has nothing of anybody
	}
	s.left = 0
	return append(line, '\n')
}
