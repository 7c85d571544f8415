package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/progress"
	"github.com/statordb/stator/internal/server"
)

// copyServer is stator backup --all: it makes a backup of a whole server, which
// runs on this machine or has stopped.
func copyServer(args []string) error {
	var c copying
	var all bool
	set := flag.NewFlagSet("stator backup", flag.ContinueOnError)
	c.define(set)
	defineEncryption(set, &c.encryption, encryptionFlags, encryptedData+", with --data")
	set.BoolVar(&all, "all", false, "back up the whole server")
	set.StringVar(&c.to, "to", "", "directory of the backup, which is empty or not there")
	set.StringVar(&c.data, "data", "", "data directory of a server that is stopped; empty asks the one at --endpoint, which runs with --admin")
	if err := parse(set, args); err != nil {
		return err
	}
	switch {
	case named(args, "endpoint") && named(args, "data"):
		return misuse{errors.New("--endpoint is for a server that runs, --data for one that is stopped: give one of them")}
	case given(set, "endpoint") && !named(args, "data"):
		c.data = "" // which the environment has for other commands
	}
	if !all {
		return misuse{errors.New("use " + backupUsage)}
	}
	if err := missing(set, "to"); err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	c.meter = meter(c.json, "copying", progress.Bytes)
	report, err := c.run(ctx)
	c.meter.Clear()
	if errors.Is(err, context.Canceled) {
		return interrupted{"nothing was left in " + c.to}
	}
	if err != nil {
		return err
	}
	return printCopy(report, c.json)
}

// copying is a backup of a whole server being made.
type copying struct {
	remote
	to, data   string
	encryption stator.Encryption
	meter      *progress.Meter
}

func (c *copying) run(ctx context.Context) (*stator.CopyReport, error) {
	if c.data != "" {
		report, err := stator.CopyData(ctx, c.data, c.to, c.encryption, c.meter.Set)
		if errors.Is(err, stator.ErrInUse) {
			err = fmt.Errorf("%s is open in a server: without --data and %s, the one at --endpoint copies itself", c.data, variable("data"))
		}
		return report, encryptionError(err)
	}
	to, err := filepath.Abs(c.to)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"to": to})
	if err != nil {
		return nil, err
	}
	status, err := c.ask(ctx, http.MethodPut, body)
	for err == nil && status.State == server.CopyRunning {
		c.meter.Set(status.Done, status.Total)
		if !pause(ctx) {
			break
		}
		status, err = c.ask(ctx, http.MethodGet, nil)
	}
	switch {
	case ctx.Err() != nil:
		_, err = c.ask(context.WithoutCancel(ctx), http.MethodDelete, nil)
		return nil, errors.Join(ctx.Err(), err)
	case err != nil:
		return nil, err
	case status.State == server.CopyDone:
		return &stator.CopyReport{Directory: to, Created: status.Created, Files: status.Files, Bytes: status.Bytes}, nil
	case status.State == server.CopyCancelled:
		return nil, errors.New("somebody else has cancelled the backup")
	}
	return nil, errors.New(status.Error)
}

// ask sends a request about the backup of the whole server.
func (c *copying) ask(ctx context.Context, method string, body []byte) (status server.CopyStatus, err error) {
	req, err := http.NewRequestWithContext(ctx, method, string(c.endpoint)+"/backup", bytes.NewReader(body))
	if err != nil {
		return status, err
	}
	res, err := web().Do(req)
	if err != nil {
		return status, c.explain(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return status, err
	case res.StatusCode == http.StatusNotFound:
		return status, fmt.Errorf("the server at %s does not let itself be copied: start it with --admin, or stop it and give --data", c.endpoint)
	case res.StatusCode != http.StatusOK:
		return status, errors.New(strings.TrimSpace(string(text)))
	}
	return status, json.Unmarshal(text, &status)
}

func printCopy(r *stator.CopyReport, asJSON bool) error {
	if asJSON {
		return printJSON(r)
	}
	fmt.Printf("%s: %d files, %s\n", r.Directory, r.Files, progress.Bytes(r.Bytes))
	return nil
}

// server restores a backup of a whole server.
func (r *restoring) server(ctx context.Context) error {
	m := meter(r.json, "restoring", progress.Bytes)
	report, err := stator.RestoreData(ctx, r.from, r.data, m.Set)
	m.Clear()
	if errors.Is(err, context.Canceled) {
		return interrupted{"nothing was left in " + r.data}
	}
	if err != nil {
		return err
	}
	return printCopy(report, r.json)
}
