package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/progress"
)

const keysUsage = "stator keys new FILE | show DATA | rotate DATA | change DATA | encrypt DATA --to NEW | read DATA NAME | create DATA ALIAS | enable DATA KEY | disable DATA KEY | delete DATA KEY; stator keys VERB --help lists the flags"

// defineEncryption adds the flags that say where a key is; prefix is what their
// names begin with, of is what the key is for.
func defineEncryption(set *flag.FlagSet, e *stator.Encryption, prefix, of string) {
	set.StringVar(&e.KeyFile, prefix+"-key-file", "", "file with the key of "+of+": 32 bytes, or those in base64 or hexadecimal")
	set.StringVar(&e.KeyVariable, prefix+"-key-env", "", "name of a variable with the key of "+of+", in base64 or hexadecimal")
	set.StringVar(&e.KMSKey, prefix+"-kms-key", "", "id, alias or ARN of the KMS key of "+of)
	if prefix == encryptionFlags {
		set.StringVar(&e.KMSEndpoint, "kms-endpoint", "", "URL of the KMS, in place of the one of AWS")
	}
}

// encryptionFlags is what the names of the flags for a key that is in use begin
// with.
const encryptionFlags = "encryption"

// encryptedData is what the key of a data directory is for.
const encryptedData = "the data, which is encrypted"

// keys is stator keys.
type keys struct {
	name       string // of the verb
	flags      *flag.FlagSet
	encryption stator.Encryption
	next       stator.Encryption
	to         string
	json       bool
}

// manageKeys makes and changes the keys of data directories.
func manageKeys(args []string) error {
	if len(args) == 0 {
		return misuse{errors.New("use " + keysUsage)}
	}
	k := &keys{name: args[0], flags: flag.NewFlagSet("stator keys "+args[0], flag.ContinueOnError)}
	verbs := map[string]struct {
		run       func(ctx context.Context, values []string) error
		arguments []string
	}{
		"new": {k.create, []string{"FILE"}}, "show": {k.show, []string{"DATA"}}, "rotate": {k.rotate, []string{"DATA"}},
		"change": {k.change, []string{"DATA"}}, "encrypt": {k.encrypt, []string{"DATA"}},
		"read": {k.read, []string{"DATA", "NAME"}}, "create": {k.createTableKey, []string{"DATA", "ALIAS"}},
		"enable": {k.set("Enabled"), []string{"DATA", "KEY"}}, "disable": {k.set("Disabled"), []string{"DATA", "KEY"}}, "delete": {k.set(""), []string{"DATA", "KEY"}},
	}
	if args[0] == "-h" || args[0] == "--help" {
		fmt.Println("usage: " + keysUsage)
		return nil
	}
	verb, ok := verbs[args[0]]
	if !ok {
		return misuse{errors.New("use " + keysUsage)}
	}
	k.define()
	values, err := parseArguments(k.flags, args[1:], verb.arguments...)
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	return encryptionError(verb.run(ctx, values))
}

func (k *keys) define() {
	switch k.name {
	case "new":
		return
	case "encrypt":
		k.flags.StringVar(&k.to, "to", "", "data directory to make, which is empty or not there")
	case "change":
		defineEncryption(k.flags, &k.next, "new", "the data from now on")
		fallthrough
	case "show", "rotate", "create", "enable", "disable", "delete":
		defineJSON(k.flags, &k.json)
	}
	if !slices.Contains([]string{"show", "enable", "disable", "delete"}, k.name) { // which need none
		defineEncryption(k.flags, &k.encryption, encryptionFlags, encryptedData)
	}
}

// encryptionError puts flags into an error that names members of
// stator.Encryption.
func encryptionError(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, stator.ErrInUse) {
		return err
	}
	if text := flagNames.Replace(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}

// create makes a key in a file, which must not be there.
func (k *keys) create(_ context.Context, values []string) error {
	f, err := os.OpenFile(values[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(stator.NewKey())
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		fmt.Printf("%s: a new key; without it what is encrypted with it is lost\n", values[0])
	}
	return err
}

func (k *keys) show(_ context.Context, values []string) error {
	return k.print(stator.DescribeKeys(values[0]))
}

func (k *keys) rotate(ctx context.Context, values []string) error {
	return k.print(stator.RotateDataKey(ctx, values[0], k.encryption))
}

func (k *keys) change(ctx context.Context, values []string) error {
	k.next.KMSEndpoint = k.encryption.KMSEndpoint
	return k.print(stator.ChangeKey(ctx, values[0], k.encryption, k.next))
}

func (k *keys) print(r *stator.KeyReport, err error) error {
	if err != nil {
		return err
	}
	if k.json {
		return printJSON(r)
	}
	fmt.Printf("%s: encrypted with %s\n", r.Directory, r.Root)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for i, key := range r.DataKeys {
		use := "for what it has encrypted"
		if i == len(r.DataKeys)-1 {
			use = "for what is written"
		}
		_, _ = fmt.Fprintf(w, "data key\t%s\t%s\t%s\n", key.ID, key.Created.UTC().Format(time.RFC3339), use)
	}
	for _, key := range r.TableKeys {
		_, _ = fmt.Fprintf(w, "key of tables\t%s\t%s\t%s, %s\n", key.ID, key.Created.UTC().Format(time.RFC3339), key.Alias, key.State)
	}
	return w.Flush()
}

func (k *keys) createTableKey(ctx context.Context, values []string) error {
	return k.print(stator.CreateTableKey(ctx, values[0], values[1], k.encryption))
}

// set returns what gives a key for tables a state.
func (k *keys) set(state string) func(context.Context, []string) error {
	return func(_ context.Context, values []string) error {
		return k.print(stator.SetTableKey(values[0], values[1], state))
	}
}

// encrypt makes an encrypted data directory of one that is not.
func (k *keys) encrypt(ctx context.Context, values []string) error {
	if err := missing(k.flags, "to"); err != nil {
		return err
	}
	m := meter(false, "encrypting", progress.Bytes)
	err := stator.EncryptData(ctx, values[0], k.to, k.encryption, m.Set)
	m.Clear()
	if errors.Is(err, context.Canceled) {
		return interrupted{"nothing was left in " + k.to}
	}
	if err != nil {
		return err
	}
	fmt.Printf("%s: what is in %s, encrypted; that is as it was, and not needed any more\n", k.to, values[0])
	return nil
}

// read prints a file of an encrypted data directory.
func (k *keys) read(ctx context.Context, values []string) error {
	return stator.ReadFile(ctx, values[0], values[1], k.encryption, os.Stdout)
}
