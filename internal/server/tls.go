package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/statordb/stator/internal/datadir"
)

// TLSFiles say how connections are encrypted.
type TLSFiles struct {
	// Certificate and Key are PEM files. All files are read again when they change.
	Certificate, Key string
	// ClientCA is a PEM file with the authorities of which one must have signed a
	// client's certificate; "" asks clients for none.
	ClientCA string
	Log      *slog.Logger
}

// Config reads the files. Connections take TLS 1.2 or later, and HTTP/1.1.
func (t TLSFiles) Config() (*tls.Config, error) {
	pair := &followed[*tls.Certificate]{paths: []string{t.Certificate, t.Key}, what: "the certificate", log: t.Log, read: func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(t.Certificate, t.Key)
		return &pair, err
	}}
	if _, err := pair.get(); err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.get() }}
	if t.ClientCA == "" {
		return config, nil
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.SessionTicketsDisabled = true // a connection that is resumed is not verified by today's authorities
	trusting := &followed[*tls.Config]{paths: []string{t.ClientCA}, what: "the authorities of clients", log: t.Log, read: func() (*tls.Config, error) {
		text, err := os.ReadFile(t.ClientCA)
		if err != nil {
			return nil, err
		}
		c := config.Clone()
		if c.ClientCAs = x509.NewCertPool(); !c.ClientCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", t.ClientCA)
		}
		return c, nil
	}}
	current, err := trusting.get()
	if err != nil {
		return nil, err
	}
	current = current.Clone()
	current.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return trusting.get() }
	return current, nil
}

// reloadEvery is how often files are looked at.
const reloadEvery = time.Second

// followed is what files hold now.
type followed[T any] struct {
	paths []string
	what  string // they hold
	read  func() (T, error)
	log   *slog.Logger
	mu    struct {
		sync.Mutex
		known   bool
		looked  time.Time
		changed []time.Time // the files, when they were read
		current T
	}
}

// get returns it. Files that are broken are logged, and what they held before is
// used.
func (f *followed[T]) get() (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.mu.known && now.Sub(f.mu.looked) < reloadEvery {
		return f.mu.current, nil
	}
	f.mu.looked = now
	changed := make([]time.Time, len(f.paths))
	for i, path := range f.paths {
		changed[i] = modified(path)
	}
	if f.mu.known && slices.Equal(changed, f.mu.changed) {
		return f.mu.current, nil
	}
	f.mu.changed = changed
	current, err := f.read()
	switch {
	case err == nil:
		f.mu.current, f.mu.known = current, true
	case !f.mu.known:
		return current, fmt.Errorf("read %s: %w", f.what, err)
	default:
		f.log.Error(f.what+" cannot be read, what was there before stays", "file", f.paths[0], "error", err)
	}
	return f.mu.current, nil
}

// modified returns when a file was, zero if it cannot be told.
func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// selfSignedLife is how long a self-signed certificate is good.
const selfSignedLife = 365 * 24 * time.Hour

// SelfSigned returns the files of a certificate for this machine's own names that
// nobody but itself has signed, in dir; it makes them if they are not there, or
// over. It is for development: clients trust it only if they are told to.
func SelfSigned(dir string, now time.Time) (certificate, key string, err error) {
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err == nil && now.Before(pair.Leaf.NotAfter.Add(-24*time.Hour)) {
		return certificate, key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("read the self-signed certificate: %w", err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "stator development"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedLife),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true, // so that clients can be told to trust it
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if name, err := os.Hostname(); err == nil {
		template.DNSNames = append(template.DNSNames, name)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	return certificate, key, errors.Join(os.MkdirAll(dir, 0o700), writePEM(key, "PRIVATE KEY", keyDER), writePEM(certificate, "CERTIFICATE", der))
}

func writePEM(path, kind string, der []byte) error {
	return datadir.ReplaceFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
