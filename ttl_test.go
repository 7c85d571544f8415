package stator_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// newExpiring is newStreamed on a manual clock that shows noon; the items of
// Music expire by "until".
func newExpiring(t *testing.T, dir string) (*streamed, *stator.Server) {
	t.Helper()
	srv, err := stator.Open(stator.Config{DataDir: dir, Clock: noon.Format(time.RFC3339)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &streamed{T: t, items: newClient(srv.URL()), streams: newStreamsClient(srv.URL())}
	s.createMusic(types.StreamViewTypeNewAndOldImages)
	return s, srv
}

func (s *streamed) updateTTL(attribute string, enabled bool) error {
	_, err := s.items.UpdateTimeToLive(context.Background(), &dynamodb.UpdateTimeToLiveInput{TableName: aws.String("Music"),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &attribute, Enabled: &enabled}})
	return err
}

// putUntil stores an item whose attribute "until" has a number's text.
func (s *streamed) putUntil(key, until string) error {
	_, err := s.items.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String("Music"),
		Item: item{"pk": str(key), "until": &types.AttributeValueMemberN{Value: until}}})
	return err
}

// keys returns the keys of all items.
func (s *streamed) keys() map[string]bool {
	s.Helper()
	keys := map[string]bool{}
	pages := dynamodb.NewScanPaginator(s.items, &dynamodb.ScanInput{TableName: aws.String("Music")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			s.Fatal(err)
		}
		for _, it := range page.Items {
			keys[textOf(it["pk"])] = true
		}
	}
	return keys
}

func (s *streamed) awaitTTL(status types.TimeToLiveStatus) {
	s.Helper()
	patience.Until(s, func() bool {
		out, err := s.items.DescribeTimeToLive(context.Background(), &dynamodb.DescribeTimeToLiveInput{TableName: aws.String("Music")})
		if err != nil {
			s.Fatal(err)
		}
		return out.TimeToLiveDescription.TimeToLiveStatus == status
	}, fmt.Sprintf("a time to live that is %s", status))
}

// Items expire whether they are older or newer than the setting; those that
// have no valid time, or one that is too old, stay. The stream says who
// deleted them.
func TestTimeToLive(t *testing.T) {
	s, srv := newExpiring(t, "")
	ctx := context.Background()
	at := func(d time.Duration) string { return strconv.FormatInt(noon.Add(d).Unix(), 10) }
	put := func(key, until string) {
		if err := s.putUntil(key, until); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		put("old"+strconv.Itoa(i), at(time.Minute))
	}
	if err := s.updateTTL("until", true); err != nil {
		t.Fatal(err)
	}
	s.awaitTTL(types.TimeToLiveStatusEnabled)
	put("new", at(time.Minute)+".5")
	put("exponent", fmt.Sprintf("%.9e", float64(noon.Add(time.Minute).Unix())))
	put("later", at(2*time.Hour))
	put("renewed", at(time.Minute))
	put("renewed", at(2*time.Hour))
	put("ancient", at(-6*365*24*time.Hour))
	put("negative", "-1")
	s.put("text", "1")
	if err := srv.MoveClock(ctx, noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := s.keys(); len(got) != 307 {
		t.Errorf("at the moment itself %d items are left, want all", len(got))
	}
	if err := srv.MoveClock(ctx, noon.Add(time.Minute+2*time.Second)); err != nil {
		t.Fatal(err)
	}
	left := s.keys()
	for _, key := range []string{"later", "renewed", "ancient", "negative", "text"} {
		if !left[key] {
			t.Errorf("%s is gone", key)
		}
	}
	if len(left) != 5 {
		t.Errorf("left are %v", left)
	}
	res, err := http.Get(srv.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(text), `stator_time_to_live_deleted_item_count_total{table="Music"} 302`) {
		t.Errorf("metrics do not count 302 expired items (%v)", err)
	}
	latest, err := s.iterator(0, streamtypes.ShardIteratorTypeTrimHorizon, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.read(latest, 1000)
	if err != nil {
		t.Fatal(err)
	}
	removed := 0
	for _, r := range out.Records {
		if r.EventName != "REMOVE" {
			continue
		}
		removed++
		if r.UserIdentity == nil || *r.UserIdentity.Type != "Service" || *r.UserIdentity.PrincipalId != "dynamodb.amazonaws.com" || len(r.Dynamodb.OldImage) != 2 {
			t.Errorf("record %+v of %v", r.UserIdentity, r.Dynamodb)
		}
	}
	if removed != 302 {
		t.Errorf("%d records of removals, want 302", removed)
	}
}

// The errors of UpdateTimeToLive, and what disabling does.
func TestTimeToLiveSettings(t *testing.T) {
	s, srv := newExpiring(t, "")
	s.awaitTTL(types.TimeToLiveStatusDisabled)
	s.expectError(s.updateTTL("until", false), "ValidationException: TimeToLive is already disabled")
	if err := s.updateTTL("until", true); err != nil {
		t.Fatal(err)
	}
	s.expectError(s.updateTTL("until", true), "ValidationException: TimeToLive is already enabled")
	s.expectError(s.updateTTL("other", true), "ValidationException: TimeToLive is active on a different AttributeName")
	s.expectError(s.updateTTL("until", false), "ValidationException: Time to live has been modified multiple times within a fixed interval")
	if err := s.putUntil("a", strconv.FormatInt(noon.Add(90*time.Minute).Unix(), 10)); err != nil {
		t.Fatal(err)
	}
	if err := srv.MoveClock(context.Background(), noon.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.updateTTL("until", false); err != nil {
		t.Fatal(err)
	}
	if err := srv.MoveClock(context.Background(), noon.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if !s.keys()["a"] {
		t.Error("an item expired although time to live is disabled")
	}
}

// Items that writers renew while others expire are never deleted.
func TestTimeToLiveSparesRenewed(t *testing.T) {
	s, srv := newExpiring(t, t.TempDir())
	if err := s.updateTTL("until", true); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprintf("item%d-%d", w, i%10)
				// It is due at once, and then renewed if it is still there.
				if err := s.putUntil(key, strconv.FormatInt(srv.Now().Unix()-1, 10)); err != nil {
					t.Error(err)
				}
				_, err := s.items.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{TableName: aws.String("Music"),
					Key: item{"pk": str(key)}, UpdateExpression: aws.String("SET #u = :far"), ConditionExpression: aws.String("attribute_exists(pk)"),
					ExpressionAttributeNames:  map[string]string{"#u": "until"},
					ExpressionAttributeValues: item{":far": num(int(noon.Add(1000 * time.Hour).Unix()))}})
				if isConditional(err) {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				got, err := s.items.GetItem(context.Background(), &dynamodb.GetItemInput{TableName: aws.String("Music"), Key: item{"pk": str(key)}, ConsistentRead: aws.Bool(true)})
				if err != nil || got.Item == nil {
					t.Errorf("%s was renewed and is gone (%v)", key, err)
				}
			}
		})
	}
	for i := range 60 {
		if err := srv.MoveClock(context.Background(), noon.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	writers.Wait()
}

// The clock is shown and moved over HTTP, on servers that allow it.
func TestClockOverHTTP(t *testing.T) {
	_, srv := newExpiring(t, "")
	send := func(method, body string) string {
		t.Helper()
		req, err := http.NewRequest(method, srv.URL()+"/clock", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.Itoa(res.StatusCode) + " " + string(text)
	}
	const usage = "400 send {\"now\": \"2026-11-01T12:00:00Z\"} or {\"advance\": \"24h\"}\n"
	for _, c := range [][3]string{
		{"GET", "", "200 {\"now\":\"2026-11-01T12:00:00Z\"}\n"},
		{"PUT", `{"advance": "24h"}`, "200 {\"now\":\"2026-11-02T12:00:00Z\"}\n"},
		{"PUT", `{"now": "2026-12-24T18:00:00+01:00"}`, "200 {\"now\":\"2026-12-24T17:00:00Z\"}\n"},
		{"PUT", `{"advance": "-876000h"}`, "400 the clock cannot show 1927-01-18T17:00:00Z: use a time from 1970 to 2261\n"},
		{"PUT", `{"now": "9999-12-31T00:00:00Z"}`, "400 the clock cannot show 9999-12-31T00:00:00Z: use a time from 1970 to 2261\n"},
		{"PUT", `{"advance": "soon"}`, usage}, {"PUT", `{`, usage}, {"PUT", `{}`, usage},
	} {
		if got := send(c[0], c[1]); got != c[2] {
			t.Errorf("%s %s: %q, want %q", c[0], c[1], got, c[2])
		}
	}
	if !srv.Now().Equal(time.Date(2026, 12, 24, 17, 0, 0, 0, time.UTC)) {
		t.Errorf("the server's clock shows %s", srv.Now())
	}
	if _, err := stator.Open(stator.Config{Clock: "noon"}); err == nil {
		t.Error("a clock that is no time is accepted")
	}
}
