package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
)

// web returns the HTTP client of commands that ask a server. It trusts the
// authorities in the PEM file that AWS_CA_BUNDLE names, as the AWS CLI does, or
// if there is none those of the machine.
var web = sync.OnceValue(func() *http.Client {
	bundle := os.Getenv("AWS_CA_BUNDLE")
	if bundle == "" {
		return http.DefaultClient
	}
	text, err := os.ReadFile(bundle)
	authorities := x509.NewCertPool()
	if err == nil && !authorities.AppendCertsFromPEM(text) {
		err = fmt.Errorf("%s has no certificate in PEM", bundle)
	}
	if err != nil {
		return &http.Client{Transport: broken{fmt.Errorf("AWS_CA_BUNDLE: %w", err)}}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: authorities}
	return &http.Client{Transport: transport}
})

// broken is a transport that takes nobody anywhere, for the reason that it is.
type broken struct{ error }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.error }

// noAnswer says in one line why a request did not get to the server at endpoint,
// which start starts.
func noAnswer(endpoint endpointFlag, start string, err error) error {
	var untrusted *tls.CertificateVerificationError
	var connection *net.OpError
	var asked *url.Error
	switch {
	case errors.As(err, &untrusted):
		return fmt.Errorf("the certificate of %s is not trusted, AWS_CA_BUNDLE may name a file of authorities: %w", endpoint, untrusted.Err)
	case errors.As(err, &connection) && connection.Op == "dial":
		return fmt.Errorf("no server answers at %s: start one with %s", endpoint, start)
	case errors.As(err, &asked):
		return fmt.Errorf("ask %s: %w", endpoint, asked.Err)
	}
	return err
}
