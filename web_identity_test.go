package stator_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/go-jose/go-jose/v4"

	"github.com/statordb/stator/internal/identity"
)

// TestWebIdentity has the SDK's own provider of credentials change a token for a
// session, whose role lets users of an app at their own items.
func TestWebIdentity(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{KeyID: "1", Key: key.Public(), Algorithm: "RS256"}}})
	if err != nil {
		t.Fatal(err)
	}
	p := newPeople(t, map[string]string{"admin": allow("dynamodb:*", "")})
	err = identity.Update(p.file, false, time.Now(), func(e *identity.Edit) error {
		a := e.Account(homeAccount)
		r, err := e.CreateRole(a, "player", "/", json.RawMessage(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
			"Principal": {"Federated": "www.amazon.com"}, "Action": "sts:AssumeRoleWithWebIdentity",
			"Condition": {"StringEquals": {"www.amazon.com:app_id": "game"}}}]}`))
		if err != nil {
			return err
		}
		r.Policies = map[string]json.RawMessage{"own": json.RawMessage(allow("dynamodb:PutItem dynamodb:GetItem",
			`{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${www.amazon.com:user_id}"]}}`))}
		return e.CreateProvider(a, &identity.Provider{
			URL: "https://login.example.com", Name: "www.amazon.com", ClientIDs: []string{"game"}, Keys: public,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := p.serve()
	createMusic(t, p.client(srv, "admin"))

	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{KeyID: "1", Key: key}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := func(user, audience string) *dynamodb.Client {
		now := time.Now().Unix()
		claims, _ := json.Marshal(map[string]any{"iss": "https://login.example.com", "sub": user, "aud": audience, "iat": now, "exp": now + 600})
		signed, err := signer.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		token, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		c := sts.New(sts.Options{BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1", Retryer: aws.NopRetryer{}, HTTPClient: whole})
		session := stscreds.NewWebIdentityRoleProvider(c, "arn:aws:iam::"+homeAccount+":role/player", stscreds.IdentityTokenFile(file))
		return dynamodb.New(dynamodb.Options{
			BaseEndpoint: aws.String(srv.URL()), Region: "us-east-1", Retryer: aws.NopRetryer{}, HTTPClient: whole, Credentials: aws.NewCredentialsCache(session),
		})
	}
	put := func(c *dynamodb.Client, key string) error {
		_, err := c.PutItem(t.Context(), &dynamodb.PutItemInput{
			TableName: aws.String("Music"), Item: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: key}},
		})
		return err
	}
	ana := client("ana", "game")
	if err := put(ana, "ana"); err != nil {
		t.Error(err)
	}
	if err := put(client("bob", "game"), "bob"); err != nil {
		t.Error(err)
	}
	if err := put(ana, "bob"); err == nil {
		t.Error("one user has written the item of another")
	}
	refused(t, "a token for another app", put(client("ana", "other"), "ana"), "InvalidIdentityToken", "Incorrect token audience")
}
