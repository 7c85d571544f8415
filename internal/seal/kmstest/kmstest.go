// Package kmstest is a key management service for tests: it speaks the protocol of
// AWS KMS as far as Stator uses it, and keeps its keys in memory.
package kmstest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// KMS is a key management service. Its methods are safe for concurrent use.
type KMS struct {
	URL string
	mu  struct {
		sync.Mutex
		keys    map[string]*key // by id
		aliases map[string]string
		down    bool
		silent  bool
		calls   int
	}
}

// key is a key of the KMS.
type key struct {
	aead  cipher.AEAD
	state string
}

const arnPrefix = "arn:aws:kms:us-east-1:123456789012:key/"

// New starts a KMS, which ends with the test.
func New(t testing.TB) *KMS {
	k := &KMS{}
	k.mu.keys, k.mu.aliases = map[string]*key{}, map[string]string{}
	srv := httptest.NewServer(k)
	t.Cleanup(srv.Close)
	k.URL = srv.URL
	return k
}

// Add makes a key with an id and, if alias is not "", an alias; it returns its ARN.
func (k *KMS) Add(id, alias string) (arn string) {
	var secret [32]byte
	_, _ = rand.Read(secret[:])
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.keys[id] = &key{aead, "Enabled"}
	if alias != "" {
		k.mu.aliases[alias] = id
	}
	return arnPrefix + id
}

// Set changes the state of a key: Enabled, Disabled, PendingDeletion; "" removes it.
func (k *KMS) Set(id, state string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if state == "" {
		delete(k.mu.keys, id)
		return
	}
	k.mu.keys[id].state = state
}

// Down makes the service answer nothing but errors, or ends that.
func (k *KMS) Down(down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.down = down
}

// Silence makes the service accept requests and answer none, or ends that for
// requests from then on.
func (k *KMS) Silence(silent bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.silent = silent
}

// Calls returns how many requests there were.
func (k *KMS) Calls() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mu.calls
}

// request has the members of all requests.
type request struct {
	KeyId             string
	Plaintext         []byte
	CiphertextBlob    []byte
	EncryptionContext map[string]string
}

// ServeHTTP implements http.Handler.
func (k *KMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in request
	err := json.NewDecoder(r.Body).Decode(&in)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mu.calls++
	if k.mu.silent {
		k.mu.Unlock()
		<-r.Context().Done() // until the client gives up
		k.mu.Lock()
		return
	}
	if err != nil || k.mu.down {
		fail(w, http.StatusInternalServerError, "KMSInternalException")
		return
	}
	id := strings.TrimPrefix(in.KeyId, arnPrefix)
	if alias, ok := k.mu.aliases[id[strings.LastIndex(id, ":")+1:]]; ok {
		id = alias
	}
	found := k.mu.keys[id]
	if found == nil {
		fail(w, http.StatusBadRequest, "NotFoundException")
		return
	}
	bound, _ := json.Marshal(in.EncryptionContext) // a map of strings: in order
	operation := r.Header.Get("X-Amz-Target")
	switch {
	case operation == "TrentService.DescribeKey":
		answer(w, map[string]any{"KeyMetadata": map[string]any{"KeyId": id, "Arn": arnPrefix + id, "KeyState": found.state, "Enabled": found.state == "Enabled"}})
	case found.state == "Disabled":
		fail(w, http.StatusBadRequest, "DisabledException")
	case found.state != "Enabled":
		fail(w, http.StatusBadRequest, "KMSInvalidStateException")
	case operation == "TrentService.Encrypt":
		answer(w, map[string]any{"KeyId": arnPrefix + id, "CiphertextBlob": found.aead.Seal(nil, nil, in.Plaintext, bound)})
	case operation == "TrentService.Decrypt":
		plain, err := found.aead.Open(nil, nil, in.CiphertextBlob, bound)
		if err != nil {
			fail(w, http.StatusBadRequest, "InvalidCiphertextException")
			return
		}
		answer(w, map[string]any{"KeyId": arnPrefix + id, "Plaintext": plain})
	default:
		fail(w, http.StatusBadRequest, "UnknownOperationException")
	}
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(body) // the client sees it
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": "from a test"})
}
