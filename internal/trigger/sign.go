package trigger

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// credentialsGiven returns the credentials in the environment, as AWS SDKs find
// them; ok is false if there are none.
func credentialsGiven() (c aws.Credentials, ok bool) {
	c = aws.Credentials{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
	}
	return c, c.AccessKeyID != "" && c.SecretAccessKey != ""
}

var regionInHost = regexp.MustCompile(`^lambda\.([a-z0-9-]+)\.amazonaws\.com`)

// lambdaRegion returns the region of an Invoke API: in its host name, else in the
// environment, else the service's oldest.
func lambdaRegion(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil {
		if m := regionInHost.FindStringSubmatch(u.Hostname()); m != nil {
			return m[1]
		}
	}
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region := os.Getenv(name); region != "" {
			return region
		}
	}
	return "us-east-1"
}

// signLambda signs a request to an Invoke API with the credentials in the
// environment, if there are any.
func signLambda(req *http.Request, body []byte) error {
	c, ok := credentialsGiven()
	if !ok {
		return nil
	}
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(req.Context(), c, req, hex.EncodeToString(sum[:]), "lambda", lambdaRegion(req.URL.String()), time.Now())
}
