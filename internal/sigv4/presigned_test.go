package sigv4_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/statordb/stator/internal/sigv4"
)

// presign returns a request that the SDK's signer has signed in its query.
func presign(t *testing.T, token string) *request {
	t.Helper()
	h, err := http.NewRequest("GET", "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Expires=60", nil)
	if err != nil {
		t.Fatal(err)
	}
	h.Header.Set("X-K8s-Aws-Id", "cluster")
	hash := sha256.Sum256(nil)
	credentials := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secret, SessionToken: token}
	text, _, err := v4.NewSigner().PresignHTTP(context.Background(), credentials, h, hex.EncodeToString(hash[:]), "sts", "us-west-2", noon)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &request{method: "GET", path: "/", query: u.RawQuery, headers: map[string][]string{"host": {h.Host}, "x-k8s-aws-id": {"cluster"}}}
}

// checkPresigned does what a server does with r.
func checkPresigned(r *request, now time.Time) error {
	s, err := sigv4.ParsePresigned(r, "sts")
	if err != nil {
		return err
	}
	if s.AccessKey != accessKey {
		return errors.New("unknown key")
	}
	return s.Verify(r, sha256.Sum256(nil), s.KeyFor(secret), now)
}

func TestPresigned(t *testing.T) {
	for _, token := range []string{"", "FwoGZXIvYXdzE/+=="} {
		r := presign(t, token)
		if !sigv4.IsPresigned(r.query) {
			t.Error("not seen to be presigned: " + r.query)
		}
		if err := checkPresigned(r, noon); err != nil {
			t.Error(err)
		}
		s, err := sigv4.ParsePresigned(r, "sts")
		if err != nil || s.Token != token {
			t.Errorf("the token is %q, not %q: %v", s.Token, token, err)
		}
		// X-Amz-Expires is 60.
		if err := checkPresigned(r, noon.Add(sigv4.MaxSkew)); err != nil {
			t.Error(err)
		}
		refused(t, checkPresigned(r, noon.Add(sigv4.MaxSkew+time.Second)), "InvalidSignatureException",
			"Signature expired: 20260601T120000Z is now earlier than 20260601T120001Z (20260601T121501Z - 15 min.)")
	}
}

// TestPresignedRefusals changes a presigned request.
func TestPresignedRefusals(t *testing.T) {
	replace := func(from, to string) func(*request) {
		return func(r *request) { r.query = strings.Replace(r.query, from, to, 1) }
	}
	for _, c := range []struct {
		name       string
		change     func(*request)
		code, text string
	}{
		{"another action", replace("GetCallerIdentity", "GetSessionToken"), "InvalidSignatureException", mismatch},
		{"one more parameter", func(r *request) { r.query += "&a=b" }, "InvalidSignatureException", mismatch},
		{"another signed header", func(r *request) { r.headers["x-k8s-aws-id"] = []string{"other"} }, "InvalidSignatureException", mismatch},
		{"another signature", replace("X-Amz-Signature=", "X-Amz-Signature=0"), "InvalidSignatureException", mismatch},
		{"two signatures", func(r *request) { r.query += "&X-Amz-Signature=0" }, "IncompleteSignatureException", "The query string has 'X-Amz-Signature' more than once."},
		{"no credential", replace("X-Amz-Credential=", "X-Amz-Nothing="), "IncompleteSignatureException", "The query string requires 'X-Amz-Credential'."},
		{"no signature", replace("X-Amz-Signature=", "X-Amz-Nothing="), "IncompleteSignatureException", "The query string requires 'X-Amz-Signature'."},
		{"another algorithm", replace("HMAC-SHA256", "HMAC-SHA512"), "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'."},
		{"a bad date", replace("X-Amz-Date=2026", "X-Amz-Date=x026"), "IncompleteSignatureException", ""},
		{"service", replace("%2Fsts%2F", "%2Fs3%2F"), "InvalidSignatureException", "Credential should be scoped to correct service: 'sts'."},
		{"unsigned host", replace("X-Amz-SignedHeaders=host%3B", "X-Amz-SignedHeaders="), "InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := presign(t, "")
			was := r.clone()
			c.change(r)
			if r.query == was.query && r.headers["x-k8s-aws-id"][0] == "cluster" {
				t.Fatal("nothing is changed: " + r.query)
			}
			refused(t, checkPresigned(r, noon), c.code, c.text)
		})
	}
}

// TestPresignedMutations changes the query of presigned requests at random: none that
// means something else is let in.
func TestPresignedMutations(t *testing.T) {
	const mutations = 10_000
	rng := rand.New(rand.NewPCG(3, 0))
	for done := 0; done < mutations; {
		r := presign(t, "FwoGZXIvYXdzE/+==")
		was := r.query
		if r.query = mutateText(rng, was); slices.Equal(meaning(r.query), meaning(was)) {
			continue
		}
		done++
		if err := checkPresigned(r, noon); err == nil {
			t.Fatalf("let in:\n%s\n%s", was, r.query)
		}
	}
}

// meaning returns the parameters of a query as they are signed, sorted.
func meaning(query string) []string {
	all := strings.Split(query, "&")
	for i, part := range all {
		if text, err := url.PathUnescape(part); err == nil {
			all[i] = text
		}
	}
	return slices.Sorted(slices.Values(all))
}
