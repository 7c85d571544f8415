package table

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/statordb/stator/internal/kv"
)

// Errors of a client token.
var (
	ErrTokenMismatch = errors.New("the token was used with another request")
	ErrTokenInUse    = errors.New("the token's request is under way")
)

// tokenLife is how long a token protects from being made twice. (Developer
// guide, "Idempotency".)
const tokenLife = 10 * time.Minute

// Token makes a transaction idempotent. It is remembered in the transaction
// itself, so that it survives a restart exactly if the transaction does.
type Token struct {
	Value  string    // ClientRequestToken
	Digest [32]byte  // of the request
	Now    time.Time // of the request
}

// Rows of a token, under 'm':
//
//	"token/" value           time in ns, digest
//	"expiry/" time in ns value   nothing; for finding tokens that are over
func tokenKey(value string) []byte { return append(metaKey("token/"), value...) }

const tokenExpiry = "expiry/"

func tokenExpiryKey(at time.Time, value string) []byte {
	key := binary.BigEndian.AppendUint64(metaKey(tokenExpiry), uint64(at.UnixNano()))
	return append(key, value...)
}

// seen reports whether t was used in the last ten minutes, with the same
// request; with another it returns ErrTokenMismatch.
func (t *Token) seen(ctx context.Context, tx kv.Tx) (bool, error) {
	value, err := tx.GetLocked(ctx, tokenKey(t.Value))
	if err != nil || len(value) != 8+len(t.Digest) {
		return false, err
	}
	if used := time.Unix(0, int64(binary.BigEndian.Uint64(value))); t.Now.Sub(used) >= tokenLife {
		return false, nil
	}
	if !bytes.Equal(value[8:], t.Digest[:]) {
		return false, ErrTokenMismatch
	}
	return true, nil
}

func (t *Token) remember(tx kv.Tx) error {
	value := binary.BigEndian.AppendUint64(nil, uint64(t.Now.UnixNano()))
	if err := tx.Put(tokenKey(t.Value), append(value, t.Digest[:]...)); err != nil {
		return err
	}
	return tx.Put(tokenExpiryKey(t.Now.Add(tokenLife), t.Value), nil)
}

// forgetBatch is how many tokens one transaction forgets.
const forgetBatch = 500

// ForgetTokens removes the tokens that are over at now.
func (e *Engine) ForgetTokens(ctx context.Context, now time.Time) error {
	for {
		over, err := keysIn(ctx, e.store, kv.Range{Start: metaKey(tokenExpiry), End: tokenExpiryKey(now, "")}, forgetBatch)
		if err != nil || len(over) == 0 {
			return err
		}
		if err := e.forget(ctx, over, now); err != nil {
			return fmt.Errorf("forget tokens: %w", err)
		}
	}
}

func (e *Engine) forget(ctx context.Context, over [][]byte, now time.Time) error {
	var keys [][]byte
	for _, key := range over {
		keys = append(keys, tokenKey(string(key[len(metaKey(tokenExpiry))+8:])))
	}
	return e.store.Update(ctx, kv.TxOptions{Keys: keys}, func(tx kv.Tx) error {
		for i, key := range keys {
			value, err := tx.GetLocked(ctx, key)
			if err != nil {
				return err
			}
			// A token that was used again since then has a later expiry.
			if len(value) >= 8 && now.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(value)))) >= tokenLife {
				if err := tx.Delete(key); err != nil {
					return err
				}
			}
			if err := tx.Delete(over[i]); err != nil {
				return err
			}
		}
		return nil
	})
}
