package stator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/statordb/stator/internal/datadir"
	"github.com/statordb/stator/internal/kv/pebblekv"
	"github.com/statordb/stator/internal/seal"
)

// KeyReport says what a data directory is encrypted with. It holds no secret.
type KeyReport struct {
	Directory string `json:"directory"`
	// Root is where the key came from that was last given: a path, the name of a
	// variable, or a KMS key.
	Root string `json:"root"`
	// DataKeys are what the files are encrypted under, wrapped by the key given.
	// The last one is for what is written from now on.
	DataKeys []DataKey `json:"dataKeys"`
	// TableKeys are what the data keys of tables are wrapped by that ask for KMS.
	TableKeys []TableKey `json:"tableKeys"`
}

// TableKey is a key for tables: KMSMasterKeyId is its id or alias. Its state is
// Enabled or Disabled.
type TableKey struct {
	ID      string    `json:"id"`
	Alias   string    `json:"alias"`
	State   string    `json:"state"`
	Created time.Time `json:"created"`
}

// DataKey is a data key.
type DataKey struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
}

// keysOf returns the file of the keys of a data directory or of a backup of one.
func keysOf(dataDir string) string {
	if copied := filepath.Join(dataDir, "data", "KEYS"); exists(copied) {
		return copied
	}
	return filepath.Join(dataDir, "KEYS")
}

// DescribeKeys says what a data directory, which may be in use, or a backup of a
// whole server is encrypted with. It needs no key.
func DescribeKeys(dataDir string) (*KeyReport, error) {
	root, keys, err := seal.Describe(keysOf(dataDir))
	if err != nil {
		return nil, err
	}
	r := &KeyReport{Directory: dataDir, Root: root}
	for _, k := range keys {
		r.DataKeys = append(r.DataKeys, DataKey{k.ID.String(), k.Created})
	}
	ring, err := seal.DescribeRing(keysOf(dataDir))
	for _, k := range ring {
		r.TableKeys = append(r.TableKeys, TableKey(k))
	}
	return r, err
}

// CreateTableKey makes a key for tables in a data directory, which may be in use:
// a server knows it within seconds. The alias begins with alias/.
func CreateTableKey(ctx context.Context, dataDir, alias string, e Encryption) (*KeyReport, error) {
	source, err := e.given()
	if err != nil {
		return nil, err
	}
	if err := seal.CreateRingKey(ctx, keysOf(dataDir), source, alias, time.Now()); err != nil {
		return nil, err
	}
	return DescribeKeys(dataDir)
}

// SetTableKey gives the key for tables with an id or alias a state, Enabled or
// Disabled, or removes it for good if the state is "". Tables whose key is not
// enabled are inaccessible within seconds.
func SetTableKey(dataDir, key, state string) (*KeyReport, error) {
	if err := seal.SetRingKey(keysOf(dataDir), key, state); err != nil {
		return nil, err
	}
	return DescribeKeys(dataDir)
}

// errNoKey is the error for a missing Encryption.
var errNoKey = errors.New("there is no key: give one with Config.Encryption.KeyFile, Config.Encryption.KeyVariable or Config.Encryption.KMSKey")

// given returns where the key is, which must be somewhere.
func (e Encryption) given() (seal.Source, error) {
	source, err := e.source()
	if err == nil && source == nil {
		err = errNoKey
	}
	return source, err
}

// RotateDataKey makes a new data key in a data directory, which may be in use. A
// server encrypts with it within seconds what it writes from then on: new files.
// What is there stays as it is until it is written anew.
func RotateDataKey(ctx context.Context, dataDir string, e Encryption) (*KeyReport, error) {
	source, err := e.given()
	if err != nil {
		return nil, err
	}
	if _, err := seal.Rotate(ctx, keysOf(dataDir), source, time.Now()); err != nil {
		return nil, err
	}
	return DescribeKeys(dataDir)
}

// ChangeKey wraps the data keys of a data directory, which may be in use, or of a
// backup of a whole server, under another key. Nothing else is written. From then
// on it opens with that key; a server that runs keeps running.
func ChangeKey(ctx context.Context, dataDir string, from, to Encryption) (*KeyReport, error) {
	old, err := from.given()
	if err != nil {
		return nil, err
	}
	next, err := to.given()
	if err != nil {
		return nil, err
	}
	if err := seal.Rewrap(ctx, keysOf(dataDir), old, next); err != nil {
		return nil, err
	}
	return DescribeKeys(dataDir)
}

// EncryptData makes an encrypted data directory at to, which must be empty or
// absent, with what is in the data directory from, which is not encrypted and no
// server has open: its store, as in a backup of the whole server. If it fails,
// nothing stays at to.
func EncryptData(ctx context.Context, from, to string, e Encryption, progress func(done, total int64)) error {
	source, err := e.given()
	if err != nil {
		return err
	}
	dir, err := datadir.OpenToRead(from)
	if err != nil {
		return err
	}
	if _, err = (Encryption{}).keys(ctx, dir, false); err == nil {
		err = datadir.Make(to, func(made *datadir.Dir) error {
			keys, err := seal.Create(ctx, made.Keys(), source, time.Now())
			if err != nil || !exists(dir.Store()) {
				return err
			}
			return encryptStore(ctx, dir.Store(), made.Store(), keys, progress)
		})
	}
	return errors.Join(err, dir.Close())
}

func encryptStore(ctx context.Context, from, to string, keys *seal.Keys, progress func(done, total int64)) error {
	var done, total int64
	err := filepath.WalkDir(from, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	return pebblekv.Reseal(ctx, from, to, nil, keys, func(n int) {
		if done = min(done+int64(n), total); progress != nil {
			progress(done, total)
		}
	})
}

// ReadFile writes what is in one file below an encrypted data directory, like the
// error log of an import, to w.
func ReadFile(ctx context.Context, dataDir, name string, e Encryption, w io.Writer) error {
	source, err := e.given()
	if err != nil {
		return err
	}
	keys, err := seal.Open(ctx, keysOf(dataDir), source)
	if err != nil {
		return err
	}
	f, err := seal.Files(keys).Open(filepath.Join(dataDir, name))
	if err != nil {
		return fmt.Errorf("cannot read %w", err)
	}
	_, err = io.Copy(w, f)
	return errors.Join(err, f.Close())
}

// NewKey returns a new key for Encryption, in base64, with a line end.
func NewKey() []byte { return seal.NewKey() }
