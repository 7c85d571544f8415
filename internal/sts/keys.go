package sts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"github.com/statordb/stator/internal/identity"
)

// What is asked of an identity provider is bounded in time and size, and in how
// often.
const (
	fetchTimeout = 5 * time.Second
	maxDocument  = 1 << 20 // bytes, of each of its two documents

	keysFresh  = time.Hour        // keys that are older are read again
	keysKept   = 24 * time.Hour   // and used for so long if that fails
	fetchPause = 10 * time.Second // between two reads, also of one that failed
)

// keyCache is the keys of identity providers (OpenID Connect Discovery 1.0,
// RFC 7517), by URL. Only providers that are in the IAM file are ever asked.
type keyCache struct {
	now    func() time.Time
	client *http.Client
	group  singleflight.Group

	mu struct {
		sync.Mutex
		providers map[string]fetched
	}
}

// fetched is the last read of a provider's keys.
type fetched struct {
	keys  []jose.JSONWebKey
	read  time.Time // when keys were read
	asked time.Time // when they were asked for
	err   error     // of the last read; keys are those before then
}

func newKeyCache(now func() time.Time) *keyCache {
	c := &keyCache{now: now}
	c.mu.providers = map[string]fetched{}
	c.client = &http.Client{Timeout: fetchTimeout, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > 3 {
			return errors.New("it redirects too often")
		}
		return identity.CheckURL(r.URL)
	}}
	return c
}

// find returns the keys that a token of a provider may be signed with. It asks
// the provider when the keys are old, and when it has none that matches: then
// the provider may have new ones.
func (c *keyCache) find(ctx context.Context, provider string, header jose.Header) ([]jose.JSONWebKey, error) {
	c.mu.Lock()
	have := c.mu.providers[provider]
	c.mu.Unlock()
	found := matchingKeys(have.keys, header)
	age := c.now().Sub(have.read)
	if len(found) > 0 && 0 <= age && age < keysFresh {
		return found, nil
	}
	if pause := c.now().Sub(have.asked); pause < 0 || pause >= fetchPause {
		have = c.refresh(ctx, provider)
	}
	if found = nil; c.now().Sub(have.read) < keysKept {
		found = matchingKeys(have.keys, header)
	}
	if len(found) > 0 || have.err == nil {
		return found, nil
	}
	return nil, have.err
}

// refresh asks a provider, once for all who ask at the same time.
func (c *keyCache) refresh(ctx context.Context, provider string) fetched {
	out, _, _ := c.group.Do(provider, func() (any, error) {
		// Others wait for it too: it does not end with the request that began it.
		keys, err := c.fetch(context.WithoutCancel(ctx), provider)
		c.mu.Lock()
		defer c.mu.Unlock()
		have := c.mu.providers[provider]
		have.asked, have.err = c.now(), err
		if err == nil {
			have.keys, have.read = keys, have.asked
		}
		c.mu.providers[provider] = have
		return have, nil
	})
	return out.(fetched)
}

func (c *keyCache) fetch(ctx context.Context, provider string) ([]jose.JSONWebKey, error) {
	text, err := c.get(ctx, strings.TrimSuffix(provider, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, err
	}
	var about struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &about); err != nil {
		return nil, fmt.Errorf("its configuration is not JSON: %w", err)
	}
	if about.Issuer != provider {
		return nil, fmt.Errorf("it calls itself %s", printable(about.Issuer))
	}
	if text, err = c.get(ctx, about.Keys); err != nil {
		return nil, err
	}
	return identity.ParseKeys(text)
}

// get reads a document.
func (c *keyCache) get(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err == nil {
		err = identity.CheckURL(u)
	}
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err == nil && len(text) > maxDocument {
		err = fmt.Errorf("%s is longer than %d bytes", address, maxDocument)
	}
	return text, err
}
