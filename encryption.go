package stator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/statordb/stator/internal/datadir"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/sealkv"
	"github.com/statordb/stator/internal/seal"
)

// Encryption says where the key is under which a data directory is encrypted: in
// one place, or nowhere if it is not encrypted. A new directory is encrypted if
// there is a key; for one that is there it must be as it was.
type Encryption struct {
	// KeyFile is a file that holds the key: 32 bytes, or those in base64 or
	// hexadecimal.
	KeyFile string
	// KeyVariable is the name of an environment variable that holds the key, in
	// base64 or hexadecimal.
	KeyVariable string
	// KMSKey is the id, alias or ARN of a key at a KMS: at KMSEndpoint, a URL, or
	// if that is "" at the one of AWS. Credentials come from the environment, as
	// for Config.KinesisEndpoint.
	KMSKey, KMSEndpoint string
}

// source returns where the key is; nil for nowhere.
func (e Encryption) source() (seal.Source, error) {
	switch given := min(len(e.KeyFile), 1) + min(len(e.KeyVariable), 1) + min(len(e.KMSKey), 1); {
	case given > 1:
		return nil, errors.New("there are several keys to encrypt with: give one of Config.Encryption.KeyFile, Config.Encryption.KeyVariable and Config.Encryption.KMSKey")
	case e.KeyFile != "":
		return seal.FromFile(e.KeyFile)
	case e.KeyVariable != "":
		return seal.FromVariable(e.KeyVariable)
	case e.KMSKey != "":
		return seal.FromKMS(e.KMSKey, seal.NewKMS(e.KMSEndpoint, e.region())), nil
	}
	return nil, nil
}

// region returns the region of the KMS.
func (e Encryption) region() string {
	if a, err := arn.Parse(e.KMSKey); err == nil {
		return a.Region
	}
	return cmp.Or(os.Getenv("AWS_REGION"), "us-east-1")
}

// keys returns the keys of dir, nil if it is not encrypted. If create is true, a
// directory in which nothing is yet gets keys.
func (e Encryption) keys(ctx context.Context, dir *datadir.Dir, create bool) (*seal.Keys, error) {
	source, err := e.source()
	if err != nil {
		return nil, err
	}
	encrypted, filled := exists(dir.Keys()), exists(dir.Store())
	if !encrypted && filled && seal.Sealed(dir.Store()) {
		return nil, fmt.Errorf("%s is encrypted, and its file KEYS is missing: put it back from a backup", dir.Path())
	}
	switch {
	case source == nil && encrypted:
		return nil, fmt.Errorf("%s is encrypted: give its key with Config.Encryption.KeyFile, Config.Encryption.KeyVariable or Config.Encryption.KMSKey", dir.Path())
	case source == nil:
		return nil, nil
	case encrypted:
		return seal.Open(ctx, dir.Keys(), source)
	case filled || !create:
		return nil, fmt.Errorf("%s is not encrypted, and a key is given: leave out Config.Encryption.KeyFile and what is like it, or make an encrypted copy with stator keys encrypt", dir.Path())
	}
	return seal.Create(ctx, dir.Keys(), source, time.Now())
}

// service returns what has the keys of tables, nil for nothing: the file of keys,
// and the KMS if there is one.
func (c Config) service(keys *seal.Keys) seal.Service {
	var ring *seal.Ring
	if keys != nil {
		ring = seal.NewRing(keys, c.Region, c.Account)
	}
	var kms *seal.KMS
	if e := c.Encryption; e.remote() {
		kms = seal.NewKMS(e.KMSEndpoint, e.region())
	}
	return seal.Both(ring, kms)
}

// remote reports whether there is a KMS.
func (e Encryption) remote() bool { return e.KMSEndpoint != "" || e.KMSKey != "" }

// kmsEvery is how many times as often as a KMS the file of keys is looked at.
const kmsEvery = 5

// sealTables returns store with the values sealed of tables that have keys of their
// own; nil if there can be none.
func (c Config) sealTables(ctx context.Context, store kv.Store, keys *seal.Keys) (*sealkv.Store, error) {
	service := c.service(keys)
	if service == nil {
		if has, err := sealkv.HasKeys(ctx, store); err != nil || !has {
			return nil, err
		}
		service = seal.NoService{}
	}
	now := c.Now
	if now == nil {
		now = time.Now
	}
	return sealkv.Open(ctx, store, service, now)
}

// refreshKeys looks whether there are new data keys, and which keys of tables can be
// used. It says only once what is wrong, and is not called by two at a time.
func (s *Server) refreshKeys(ctx context.Context) error {
	var err error
	if s.keys != nil {
		err = s.keys.Reload(ctx)
	}
	s.keyLooks++
	if s.sealed != nil && (!s.config.Encryption.remote() || s.keyLooks%kmsEvery == 0) {
		err = errors.Join(err, s.askForKeys(ctx))
	}
	before := s.keyTrouble
	if s.keyTrouble = ""; err != nil {
		s.keyTrouble = err.Error()
	}
	if s.keyTrouble == before {
		return nil
	}
	return err
}

// askTime is how long keys of tables are asked for at a time.
const askTime = 10 * time.Second

// askForKeys asks which keys of tables can be used.
func (s *Server) askForKeys(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	return s.sealed.Refresh(ctx)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
