package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/statordb/stator/internal/trigger"
)

const triggerUsage = "stator trigger list | create NAME FLAGS | update NAME FLAGS | delete NAME; stator trigger create -h lists the flags"

// manageTriggers shows and changes the triggers of a running server.
func manageTriggers(args []string) error {
	if len(args) == 0 {
		return misuse{errors.New("use " + triggerUsage)}
	}
	verb, args := args[0], args[1:]
	f, names := &triggerFlags{}, []string{"NAME"}
	set := flag.NewFlagSet("stator trigger "+verb, flag.ContinueOnError)
	defineEndpoint(set, &f.endpoint, "server, which runs with --admin")
	switch verb {
	case "-h", "--help":
		fmt.Println("usage: " + triggerUsage)
		return nil
	case "list":
		names = nil
	case "delete":
	case "create", "update":
		f.define(set)
	default:
		return misuse{errors.New("use " + triggerUsage)}
	}
	values, err := parseArguments(set, args, names...)
	if err != nil {
		return err
	}
	switch verb {
	case "list":
		return f.call(http.MethodGet, "", nil)
	case "delete":
		return f.call(http.MethodDelete, values[0], nil)
	}
	return f.put(set, verb, values[0])
}

// triggerFlags are the flags of stator trigger.
type triggerFlags struct {
	endpoint endpointFlag
	asked    trigger.Trigger
	filters  filterFlag
	retries  int
}

// filterFlag collects filters.
type filterFlag []json.RawMessage

// String implements flag.Value.
func (f *filterFlag) String() string { return "" }

// Set implements flag.Value.
func (f *filterFlag) Set(text string) error {
	if !json.Valid([]byte(text)) {
		return errors.New("a filter is JSON")
	}
	*f = append(*f, json.RawMessage(text))
	return nil
}

func (f *triggerFlags) define(set *flag.FlagSet) {
	t := &f.asked
	set.StringVar(&t.Table, "table", "", "table whose stream is read")
	set.StringVar(&t.Target, "target", "", "http URL, lambda:NAME or file:PATH")
	set.StringVar(&t.Endpoint, "lambda-endpoint", "", "Invoke API of a target lambda:NAME, like http://127.0.0.1:9000")
	set.StringVar(&t.From, "from", "TRIM_HORIZON", "TRIM_HORIZON or LATEST")
	set.IntVar(&t.BatchSize, "batch-size", 100, "most records of a batch")
	set.DurationVar((*time.Duration)(&t.Window), "window", 0, "how long to wait for a batch to fill")
	set.IntVar(&t.Parallelism, "parallelism", 1, "batches of one shard at a time")
	set.Var(&f.filters, "filter", "pattern that records must match, JSON; may be given several times")
	set.IntVar(&f.retries, "retries", -1, "how often a batch that failed is tried again; -1: until it succeeds")
	set.DurationVar((*time.Duration)(&t.MaxAge), "max-age", 0, "give up records that are older")
	set.BoolVar(&t.Bisect, "bisect", false, "halve a batch that fails")
	set.BoolVar(&t.Partial, "partial", false, "the consumer names the records that failed, in batchItemFailures")
	set.DurationVar((*time.Duration)(&t.Timeout), "timeout", time.Minute, "longest time of one delivery")
	set.StringVar(&t.DeadLetter, "dead-letter", "", "http URL or file:PATH for what is given up")
	set.BoolVar(&t.Paused, "paused", false, "deliver nothing for now")
}

// put creates a trigger, or changes what flags say of one that is there.
func (f *triggerFlags) put(set *flag.FlagSet, verb, name string) error {
	status, text, err := f.send(http.MethodGet, name, nil)
	if err != nil {
		return err
	}
	switch {
	case verb == "create" && status == http.StatusOK:
		return fmt.Errorf("trigger %s exists: change it with update", name)
	case verb == "update" && status != http.StatusOK:
		return errors.New(strings.TrimSpace(string(text)))
	}
	f.asked.Filters = f.filters
	if f.retries >= 0 {
		f.asked.Retries = &f.retries
	}
	body, err := json.Marshal(f.asked)
	if err == nil && verb == "update" {
		body, err = overlay(text, body, set)
	}
	if err != nil {
		return err
	}
	return f.call(http.MethodPut, name, body)
}

// members are the JSON members of a Trigger whose names are not those of the
// flags.
var members = map[string]string{"lambda-endpoint": "endpoint", "filter": "filters"}

// overlay returns the trigger in old with what was given in set, from next.
func overlay(old, next []byte, set *flag.FlagSet) ([]byte, error) {
	var have, want map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(old, &have), json.Unmarshal(next, &want)); err != nil {
		return nil, err
	}
	for _, figure := range []string{"delivered", "failures", "given_up", "last_error"} {
		delete(have, figure)
	}
	set.Visit(func(f *flag.Flag) {
		member := members[f.Name]
		if member == "" {
			member = strings.ReplaceAll(f.Name, "-", "_")
		}
		delete(have, member)
		if value, ok := want[member]; ok {
			have[member] = value
		}
	})
	return json.Marshal(have)
}

// call sends a request and prints the answer.
func (f *triggerFlags) call(method, name string, body []byte) error {
	status, text, err := f.send(method, name, body)
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return errors.New(strings.TrimSpace(string(text)))
	case method != http.MethodDelete:
		_, err = os.Stdout.Write(text)
	}
	return err
}

func (f *triggerFlags) send(method, name string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequest(method, string(f.endpoint)+"/triggers/"+url.PathEscape(name), strings.NewReader(string(body)))
	if err != nil {
		return 0, nil, err
	}
	res, err := web().Do(req)
	if err != nil {
		return 0, nil, noAnswer(f.endpoint, "stator serve --admin", err)
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	if strings.Contains(string(answer), "UnknownOperationException") {
		err = fmt.Errorf("the server at %s does not let triggers be changed: start it with --admin", f.endpoint)
	}
	return res.StatusCode, answer, err
}
