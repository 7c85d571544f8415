package stator_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator"
)

const (
	recoveryWriters = 4
	recoveryKeys    = 60 // of each writer
	recoveryDays    = 2  // that changes are kept, of those that the test lasts
)

// simulation is a server on a manual clock, whose process is killed now and
// then, and what the table orders was after each step.
type simulation struct {
	archive
	rand    *rand.Rand
	dir     string
	process *process
	now     time.Time
	kills   int
	steps   []step
}

// step is the table at a time of the clock and until the next step.
type step struct {
	at    time.Time
	items map[string]item
}

// TestRecoveryOfSimulatedDays writes at random for days of a simulated clock,
// restores the table to 50 random seconds and compares it with a model, while the
// server is killed in the middle of writes and of restores.
func TestRecoveryOfSimulatedDays(t *testing.T) {
	t.Parallel()
	steps, restores := 70, 50
	if testing.Short() {
		steps, restores = 20, 10
	}
	s := &simulation{rand: testRand(t), dir: filepath.Join(t.TempDir(), "data"), now: noon}
	s.T = t
	s.start()
	s.create()
	s.recovery(recoveryDays)
	s.steps = []step{{noon, map[string]item{}}}
	for n := range steps {
		s.move(time.Duration(1+s.rand.IntN(7200)) * time.Second)
		s.write(s.rand.IntN(8) == 0)
		for done := n * restores / steps; done < (n+1)*restores/steps; done++ {
			s.restoreAndCompare(fmt.Sprintf("then%d", done))
		}
	}
	t.Logf("%d steps until %s, %d kills", steps, s.now.Format(time.DateTime), s.kills)
	s.deleteOrders()
	for n := range 5 {
		s.restoreAndCompare(fmt.Sprintf("after%d", n))
	}
	s.process.terminate()
	mustBeSound(t, s.dir, stator.KindData)
}

// start starts the process at the time that it is. What the client sends may be
// sent again: it comes to the same. Now and then it has to be, on a busy machine:
// the client's own end of a connection is closed while it reads an answer.
func (s *simulation) start() {
	s.Helper()
	s.process = serve(s.T, s.dir, "--clock", s.now.Format(time.RFC3339))
	s.db = newClientWith(s.process.url, func(o *dynamodb.Options) {
		o.Retryer = retry.AddWithMaxBackoffDelay(retry.NewStandard(), 10*time.Millisecond)
	})
}

func (s *simulation) kill() {
	s.Helper()
	if err := s.process.cmd.Process.Kill(); err != nil {
		s.Fatal(err)
	}
	<-s.process.ended
	s.kills++
}

// move moves the clock on.
func (s *simulation) move(d time.Duration) {
	s.Helper()
	s.now = s.now.Add(d)
	if got := s.process.send("PUT", "/clock", nil, `{"now": "`+s.now.Format(time.RFC3339)+`"}`); got.status != http.StatusOK {
		s.Fatalf("/clock: %d %s", got.status, got.body)
	}
}

// write makes all writers write for a while and notes what the table is then.
// If the process is killed meanwhile, it is read what became of the writes that
// were not answered.
func (s *simulation) write(killed bool) {
	s.Helper()
	items := maps.Clone(s.steps[len(s.steps)-1].items)
	var mu sync.Mutex
	var unknown []item // keys
	var all sync.WaitGroup
	for w := range recoveryWriters {
		r := rand.New(rand.NewPCG(s.rand.Uint64(), 0))
		all.Go(func() {
			for range 3 + r.IntN(20) {
				changes := randomChanges(r, w)
				err := s.apply(r, changes)
				mu.Lock()
				for _, c := range changes {
					if err != nil {
						unknown = append(unknown, c.key)
					} else {
						c.in(items)
					}
				}
				mu.Unlock()
				if err != nil {
					if !killed {
						s.Errorf("write: %v", err)
					}
					return
				}
			}
		})
	}
	if killed {
		time.Sleep(time.Duration(s.rand.IntN(15)) * time.Millisecond)
		s.kill()
	}
	all.Wait()
	if killed {
		s.start()
	}
	for _, key := range unknown {
		out, err := s.db.GetItem(s.Context(), &dynamodb.GetItemInput{TableName: aws.String("orders"), Key: key, ConsistentRead: aws.Bool(true)})
		if err != nil {
			s.Fatal(err)
		}
		change{key, out.Item}.in(items)
	}
	s.steps = append(s.steps, step{s.now, items})
}

// change is an item to be stored under key, or to be deleted if it is empty.
type change struct{ key, item item }

func (c change) in(items map[string]item) {
	name := textOf(c.key["pk"]) + "|" + textOf(c.key["sk"])
	if len(c.item) == 0 {
		delete(items, name)
	} else {
		items[name] = c.item
	}
}

// randomChanges returns changes of different items of a writer.
func randomChanges(r *rand.Rand, writer int) (changes []change) {
	for _, n := range r.Perm(recoveryKeys)[:1+r.IntN(6)] {
		it := order(n, fmt.Sprintf("state%d", r.IntN(3)))
		it["pk"] = str(fmt.Sprintf("w%d-%d", writer, n%3))
		c := change{key: item{"pk": it["pk"], "sk": it["sk"]}}
		switch r.IntN(4) {
		case 0: // deleted
		case 1:
			delete(it, []string{"state", "day"}[r.IntN(2)])
			fallthrough
		default:
			it["n"] = num(r.IntN(1000))
			c.item = it
		}
		changes = append(changes, c)
	}
	return changes
}

// apply makes changes with one operation or another.
func (s *simulation) apply(r *rand.Rand, changes []change) error {
	var batch []types.WriteRequest
	var transaction []types.TransactWriteItem
	for _, c := range changes {
		if len(c.item) == 0 {
			batch = append(batch, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: c.key}})
			transaction = append(transaction, types.TransactWriteItem{Delete: &types.Delete{TableName: aws.String("orders"), Key: c.key}})
		} else {
			batch = append(batch, types.WriteRequest{PutRequest: &types.PutRequest{Item: c.item}})
			transaction = append(transaction, types.TransactWriteItem{Put: &types.Put{TableName: aws.String("orders"), Item: c.item}})
		}
	}
	if r.IntN(2) == 0 {
		_, err := s.db.TransactWriteItems(s.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: transaction})
		return err
	}
	_, err := s.db.BatchWriteItem(s.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"orders": batch}})
	return err
}

// restoreAndCompare restores orders to a random second that can be restored, now
// and then across a kill, and compares it with the model.
func (s *simulation) restoreAndCompare(target string) {
	s.Helper()
	end := s.steps[len(s.steps)-1].at
	begin := end.Add(-recoveryDays * 24 * time.Hour)
	if begin.Before(noon) {
		begin = noon
	}
	at := begin.Add(time.Duration(s.rand.Int64N(int64(end.Sub(begin)/time.Second)+1)) * time.Second)
	_, err := s.db.RestoreTableToPointInTime(s.Context(), &dynamodb.RestoreTableToPointInTimeInput{
		SourceTableName: aws.String("orders"), TargetTableName: &target, RestoreDateTime: &at,
	})
	if err != nil {
		s.Fatalf("to %s: %v", at, err)
	}
	if s.rand.IntN(6) == 0 {
		s.kill()
		s.start()
	}
	s.awaitTable(target)
	s.same(target, s.at(at))
	if s.Failed() {
		s.Fatalf("%s is not orders as it was at %s", target, at)
	}
	if _, err := s.db.DeleteTable(s.Context(), &dynamodb.DeleteTableInput{TableName: &target}); err != nil {
		s.Fatal(err)
	}
}

// at returns what orders and its indexes were at an instant.
func (s *simulation) at(at time.Time) snapshot {
	i := slices.IndexFunc(s.steps, func(st step) bool { return st.at.After(at) })
	if i < 0 {
		i = len(s.steps)
	}
	was := snapshot{s.steps[i-1].items, map[string]item{}, map[string]item{}}
	for name, it := range was[0] {
		if it["day"] != nil {
			was[1][name] = item{"pk": it["pk"], "sk": it["sk"], "day": it["day"]}
		}
		if it["state"] != nil {
			was[2][name] = it
		}
	}
	return was
}
