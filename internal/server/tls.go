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
	"sync"
	"time"

	"github.com/statordb/stator/internal/datadir"
)

// TLSFiles say how connections are encrypted.
type TLSFiles struct {
	// Certificate and Key are PEM files; they are read again when they change.
	Certificate, Key string
	// ClientCA is a PEM file with the authorities of which one must have signed a
	// client's certificate; "" asks clients for none.
	ClientCA string
	Log      *slog.Logger
}

// Config reads the files. Connections take TLS 1.2 or later, and HTTP/1.1.
func (t TLSFiles) Config() (*tls.Config, error) {
	files := &certificateFiles{of: t}
	if _, err := files.get(nil); err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: files.get}
	if t.ClientCA == "" {
		return config, nil
	}
	text, err := os.ReadFile(t.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("read the authorities of clients: %w", err)
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", t.ClientCA)
	}
	return config, nil
}

// reloadEvery is how often files are looked at.
const reloadEvery = time.Second

// certificateFiles are a certificate and its key, as they are in their files now.
type certificateFiles struct {
	of TLSFiles
	mu struct {
		sync.Mutex
		looked  time.Time
		changed [2]time.Time // of the files, when they were read
		current *tls.Certificate
	}
}

// get implements tls.Config.GetCertificate. Files that are broken are logged, and
// what they held before is used.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if f.mu.current != nil && now.Sub(f.mu.looked) < reloadEvery {
		return f.mu.current, nil
	}
	f.mu.looked = now
	changed := [2]time.Time{modified(f.of.Certificate), modified(f.of.Key)}
	if f.mu.current != nil && changed == f.mu.changed {
		return f.mu.current, nil
	}
	f.mu.changed = changed
	pair, err := tls.LoadX509KeyPair(f.of.Certificate, f.of.Key)
	switch {
	case err == nil:
		f.mu.current = &pair
	case f.mu.current == nil:
		return nil, fmt.Errorf("read the certificate: %w", err)
	default:
		f.of.Log.Error("the certificate cannot be read, the one before stays", "file", f.of.Certificate, "error", err)
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
