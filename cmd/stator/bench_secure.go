package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/statordb/stator/internal/bench"
	"github.com/statordb/stator/internal/identity"
)

// benchPolicy is what the user of stator bench --secure may do: statements as an
// application's user has them, of which the last but one allows.
const benchPolicy = `{"Version": "2012-10-17", "Statement": [
	{"Sid": "Near", "Effect": "Deny", "Action": "dynamodb:*", "Resource": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1/128"]}}},
	{"Sid": "Tables", "Effect": "Allow", "Action": ["dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:UpdateTable", "dynamodb:DeleteTable", "dynamodb:UpdateContinuousBackups"], "Resource": "arn:aws:dynamodb:*:*:table/*"},
	{"Sid": "Items", "Effect": "Allow", "Action": ["dynamodb:*Item", "dynamodb:*Items", "dynamodb:Query", "dynamodb:Scan", "dynamodb:PartiQL*"], "Resource": ["arn:aws:dynamodb:*:*:table/*", "arn:aws:dynamodb:*:*:table/*/index/*"]},
	{"Sid": "Limits", "Effect": "Allow", "Action": ["dynamodb:List*", "dynamodb:DescribeLimits"], "Resource": "*"}]}`

// measureSecure measures a server that checks signatures and policies and encrypts
// its files, and in turn with it one that does not. Both get the same requests.
func (f *benchFlags) measureSecure(ctx context.Context) (err error) {
	plan, err := f.plan()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(f.tempDir, "stator-bench-iam-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	options := f.options()
	options.Table = "bench"
	flags, err := secure(dir, f.inMemory, &options)
	if err != nil {
		return err
	}
	server, stop, err := f.start(flags...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	plain, stopPlain, err := f.start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopPlain()) }()
	same, err := bench.NewSession(ctx, plain, options) // fills it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, same.Close()) }()
	for _, load := range plan.Loads {
		if err := same.Prepare(ctx, load); err != nil {
			return err
		}
	}
	s, err := bench.NewSession(ctx, server, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	plan.Baseline = &plain
	return f.run(ctx, s, plan)
}

// secure makes in dir what a server needs to be secure, and a user whose signer it
// puts into o. It returns the server's flags.
func secure(dir string, inMemory bool, o *bench.Options) (flags []string, err error) {
	file := filepath.Join(dir, "iam.json")
	err = identity.Update(file, true, time.Now(), func(e *identity.Edit) error {
		account, err := e.CreateAccount("123456789012", "bench")
		if err != nil {
			return err
		}
		user, err := e.CreateUser(account, "bench", "/")
		if err != nil {
			return err
		}
		user.Policies = map[string]json.RawMessage{"bench": json.RawMessage(benchPolicy)}
		key, secret, err := e.CreateAccessKey(&user.AccessKeys)
		if err != nil {
			return err
		}
		o.Signer, err = bench.NewSigner(key.AccessKeyID, secret)
		return err
	})
	flags = []string{"--auth", "iam", "--iam-file", file}
	if err != nil || inMemory {
		return flags, err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "data.key")
	return append(flags, "--encryption-key-file", path), os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key)), 0o600)
}
