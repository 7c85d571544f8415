package stator_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/patience"
)

// authority signs certificates in a test.
type authority struct {
	*testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{T: t, dir: t.TempDir()}
	a.issue("ca", 1, nil)
	return a
}

// issue writes NAME.pem and NAME-key.pem; that of the authority itself if there is
// none yet.
func (a *authority) issue(name string, serial int64, usage []x509.ExtKeyUsage) (cert, key string) {
	a.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, ExtKeyUsage: usage, BasicConstraintsValid: true, IsCA: a.cert == nil,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer, template.KeyUsage = template, private, x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, private.Public(), signer)
	if err != nil {
		a.Fatal(err)
	}
	if a.cert == nil {
		a.key = private
		if a.cert, err = x509.ParseCertificate(der); err != nil {
			a.Fatal(err)
		}
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.Fatal(err)
	}
	cert, key = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+"-key.pem")
	a.write(cert, "CERTIFICATE", der)
	a.write(key, "PRIVATE KEY", keyDER)
	return cert, key
}

func (a *authority) write(path, kind string, der []byte) {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.Fatal(err)
	}
}

// trusting returns the configuration of who trusts the certificate in a file.
func trusting(t *testing.T, file string) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%s holds no certificate", file)
	}
	return &tls.Config{RootCAs: pool}
}

// over lists the tables of srv over TLS, and returns the serial number of its
// certificate.
func over(t *testing.T, srv *stator.Server, config *tls.Config) (serial string, err error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	client := newClientWith(srv.URL(), func(o *dynamodb.Options) { o.HTTPClient = &http.Client{Transport: transport}; o.RetryMaxAttempts = 1 })
	if _, err := client.ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil {
		return "", err
	}
	conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", srv.Addr())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	return state.PeerCertificates[0].SerialNumber.String(), nil
}

func openTLS(t *testing.T, c stator.Config) *stator.Server {
	t.Helper()
	srv, err := stator.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, srv) })
	return srv
}

// TestTLS encrypts connections, follows the certificate, and wants one of clients
// if it is told to.
func TestTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	cert, key := a.issue("server", 2, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth})
	var log lockedBuilder
	srv := openTLS(t, stator.Config{TLSCertificate: cert, TLSKey: key, Log: slog.New(slog.NewTextHandler(&log, nil))})
	trust := trusting(t, filepath.Join(a.dir, "ca.pem"))
	serial, err := over(t, srv, trust)
	if err != nil || serial != "2" {
		t.Fatalf("certificate %s, %v", serial, err)
	}
	if _, err := over(t, srv, &tls.Config{}); err == nil {
		t.Error("a certificate of nobody is trusted")
	}
	old := trust.Clone()
	old.MaxVersion = tls.VersionTLS11
	if _, err := over(t, srv, old); err == nil {
		t.Error("TLS 1.1 is taken")
	}
	a.issue("server", 3, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth})
	patience.Until(t, func() bool {
		serial, err := over(t, srv, trust)
		return err == nil && serial == "3"
	}, "the new certificate is used")
	if err := os.WriteFile(cert, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	patience.Until(t, func() bool {
		if serial, err := over(t, srv, trust); err != nil || serial != "3" {
			t.Fatalf("after a broken certificate: %s, %v", serial, err)
		}
		return strings.Contains(log.String(), "the certificate cannot be read")
	}, "the broken certificate is noticed")
}

// TestClientCertificates lets in only who has one.
func TestClientCertificates(t *testing.T) {
	a := newAuthority(t)
	cert, key := a.issue("server", 2, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth})
	srv := openTLS(t, stator.Config{TLSCertificate: cert, TLSKey: key, TLSClientCA: filepath.Join(a.dir, "ca.pem")})
	trust := trusting(t, filepath.Join(a.dir, "ca.pem"))
	if _, err := over(t, srv, trust); err == nil {
		t.Error("a client without a certificate is let in")
	}
	for who, by := range map[string]*authority{"a client": a, "a stranger": newAuthority(t)} {
		pair, err := tls.LoadX509KeyPair(by.issue("client", 4, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}))
		if err != nil {
			t.Fatal(err)
		}
		config := trust.Clone()
		config.Certificates = []tls.Certificate{pair}
		if _, err := over(t, srv, config); (err == nil) != (by == a) {
			t.Errorf("%s: %v", who, err)
		}
	}
}

// TestClientAuthorities follows the file that says who signs clients' certificates.
func TestClientAuthorities(t *testing.T) {
	t.Parallel()
	a, b := newAuthority(t), newAuthority(t)
	cert, key := a.issue("server", 2, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth})
	file := filepath.Join(t.TempDir(), "clients.pem")
	put := func(from string) {
		t.Helper()
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(a.dir, "ca.pem"))
	var log lockedBuilder
	srv := openTLS(t, stator.Config{TLSCertificate: cert, TLSKey: key, TLSClientCA: file, Log: slog.New(slog.NewTextHandler(&log, nil))})
	as := func(by *authority) *tls.Config {
		pair, err := tls.LoadX509KeyPair(by.issue("client", 4, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}))
		if err != nil {
			t.Fatal(err)
		}
		config := trusting(t, filepath.Join(a.dir, "ca.pem"))
		config.Certificates, config.ClientSessionCache = []tls.Certificate{pair}, tls.NewLRUClientSessionCache(8)
		return config
	}
	ofA, ofB := as(a), as(b)
	lets := func(client *tls.Config) bool { _, err := over(t, srv, client); return err == nil }
	if !lets(ofA) || lets(ofB) {
		t.Fatal("the authority is not the one of the file")
	}
	put(filepath.Join(b.dir, "ca.pem"))
	patience.Until(t, func() bool { return lets(ofB) && !lets(ofA) }, "the new authority is trusted, and the old one is not")
	if err := os.WriteFile(file, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	patience.Until(t, func() bool {
		if !lets(ofB) || lets(ofA) {
			t.Fatal("after a broken file others are trusted")
		}
		return strings.Contains(log.String(), "the authorities of clients cannot be read")
	}, "the broken file is noticed")
}

// TestSelfSigned makes a certificate, once, that a client can be told to trust.
func TestSelfSigned(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	first, err := over(t, openTLS(t, stator.Config{TLSSelfSigned: dir}), trustingIn(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	second, err := over(t, openTLS(t, stator.Config{TLSSelfSigned: dir}), trustingIn(t, dir))
	if err != nil || first != second {
		t.Errorf("certificate %s is followed by %s, %v", first, second, err)
	}
}

// TestCommandsOverTLS asks a server that protects itself with Stator's commands.
func TestCommandsOverTLS(t *testing.T) {
	t.Parallel()
	c := newIAM(t)
	c.want("iam init", "(?s).*")
	c.want("iam create-user ana", userANA+"\n")
	c.want("iam put-policy all --document all.json --user ana", "")
	out, _ := c.run("iam create-access-key --user ana --env")
	keys := strings.Fields(strings.TrimPrefix(out, "export "))
	at := func(name string) string { return filepath.Join(c.dir, name) }
	p := startProcess(t, nil, "serve", "--listen", "127.0.0.1:0", "--data", at("data"), "--encryption-key-file", newEncryption(t).KeyFile,
		"--tls-self-signed", at("tls"), "--auth", "iam", "--iam-file", at("stator-iam/iam.json"), "--audit-dir", at("audit"), "--account", "999999999999")
	if want := at("data") + ", encrypted, requests authenticated, audited"; p.where != want {
		t.Errorf("the first line says that data is in %s, want %s", p.where, want)
	}
	c.endpoint = p.url
	for bundle, want := range map[string]string{
		"":             "the certificate of " + p.url + " is not trusted, AWS_CA_BUNDLE may name a file of authorities: x509: certificate signed by unknown authority",
		at("nosuch"):   "ask " + p.url + ": AWS_CA_BUNDLE: open " + at("nosuch") + ": no such file or directory",
		at("all.json"): "ask " + p.url + ": AWS_CA_BUNDLE: " + at("all.json") + " has no certificate in PEM",
	} {
		c.variables = append([]string{"AWS_CA_BUNDLE=" + bundle}, keys...)
		c.fail("backup list", want)
	}
	c.variables = append([]string{"AWS_CA_BUNDLE=" + at("tls/cert.pem")}, keys...)
	c.want("backup list --json", `\[\]\n`)
	c.fail("trigger list", "the server at "+p.url+" does not let triggers be changed: start it with --admin")
	p.terminate()
	if !strings.Contains(p.stderr.String(), "the IAM file has no account 999999999999") {
		t.Errorf("the server does not warn of its account: %s", p.stderr.String())
	}
}

// trustingIn is trusting for the certificate that a server has made in dir.
func trustingIn(t *testing.T, dir string) *tls.Config {
	return trusting(t, filepath.Join(dir, "cert.pem"))
}
