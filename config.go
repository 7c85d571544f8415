package stator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/bucket"
	"github.com/statordb/stator/internal/clock"
	"github.com/statordb/stator/internal/datadir"
	"github.com/statordb/stator/internal/extsort"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/kv/memkv"
	"github.com/statordb/stator/internal/kv/pebblekv"
	"github.com/statordb/stator/internal/kv/sealkv"
	"github.com/statordb/stator/internal/seal"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/trigger"
)

// Config says what a server is. Every member has a default.
type Config struct {
	// Listen is the TCP address, "127.0.0.1:0" (any free port) if empty.
	Listen string
	// DataDir is the directory of the data; it is created if absent. Empty
	// keeps everything in memory.
	DataDir string
	// Region and Account appear in ARNs: "us-east-1" and "123456789012" if
	// empty. Unless Auth says otherwise they do not separate anything: a client
	// sees all tables whatever region and key it uses.
	Region, Account string
	// Auth is "" for requests that are not authenticated, or "iam": every request
	// must be signed by somebody that IAMFile knows, and may do what policies
	// allow. Accounts have tables of their own then.
	Auth string
	// IAMFile says who there is, see stator iam; "" for identity.DefaultPath. It is
	// followed while the server runs. Its key is beside it, or in STATOR_IAM_KEY.
	IAMFile string
	// SeparateRegions gives each region that requests are signed for tables of its
	// own, under Auth.
	SeparateRegions bool
	// TrustedProxies are the addresses of proxies in front of the server: what they
	// say in X-Forwarded-For and X-Forwarded-Proto is what policies ask about as
	// aws:SourceIp and aws:SecureTransport.
	TrustedProxies []netip.Prefix
	// MetricsFrom are addresses that may see the metrics (/metrics) under Auth, beside
	// programs on this machine.
	MetricsFrom []netip.Prefix
	// MaxConnections is how many connections may be open: if zero 16,384, or half as
	// many as the process may have open files, if that is less.
	// MaxConnectionsPerAddress is how many may be open from one address, or one IPv6
	// network of 64 bits: a quarter of MaxConnections if zero. Loopback and
	// TrustedProxies may have all.
	MaxConnections, MaxConnectionsPerAddress int
	// TLSCertificate and TLSKey are PEM files, which are read again when they
	// change: connections are encrypted. TLSSelfSigned is a directory for a
	// certificate that is made for development, in place of them.
	TLSCertificate, TLSKey, TLSSelfSigned string
	// TLSClientCA is a PEM file with the authorities of which one must have signed
	// a client's certificate, also read again when it changes; "" asks clients for
	// none.
	TLSClientCA string
	// Dialect is the vintage of DynamoDB's error texts: "" for today's, or
	// "2026-05".
	Dialect string
	// AllowUnauthenticated permits an address that is not loopback without Auth:
	// whoever reaches the address can do everything.
	AllowUnauthenticated bool
	// EnforceCapacity throttles tables and indexes as DynamoDB does: at their
	// provisioned or on-demand throughput and at the limits of partitions; and
	// limits how often their throughput is decreased, and their capacity mode,
	// class and deletion protection are changed.
	EnforceCapacity bool
	// CacheBytes is the most memory for the block cache, 256 MiB if zero.
	CacheBytes int64
	// Clock is "real" or, if empty, the same; "manual" for one that stands
	// still until it is moved (Server.MoveClock, PUT /clock), beginning now; or
	// a time in RFC 3339 for one that begins then.
	Clock string
	// TTLDelay is how long an item stays after its time to live is over.
	// DynamoDB takes up to days; the default is not to wait.
	TTLDelay time.Duration
	// Admin lets programs on the same machine change triggers (/triggers) and copy
	// the whole server (/backup), which make it send requests and write files.
	Admin bool
	// Triggers are created when the server opens, or changed if they are there:
	// each the JSON of a trigger or of a list, or name=ship,table=Orders,target=URL
	// and what else a trigger has. The table may not be there yet.
	Triggers []string
	// KinesisEndpoint is the URL of the Kinesis that EnableKinesisStreamingDestination
	// delivers to; "" for none. Credentials come from the environment:
	// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
	KinesisEndpoint string
	// S3Endpoint is the URL of the S3-compatible server that exports go to and
	// imports come from; "" for BucketDir. Credentials come from the environment, as
	// for KinesisEndpoint.
	S3Endpoint string
	// BucketDir is a directory whose sub-directories stand for buckets. "" is
	// "buckets" in DataDir or, if that is empty too, a temporary directory, which is
	// removed when the server is closed.
	BucketDir string
	// Encryption is the key of DataDir, if that is encrypted.
	Encryption Encryption
	// AuditDir is the directory of the audit log: a CloudTrail record, as a line of
	// JSON, for each request that manages something. "" is for none. What cannot be
	// written down is answered with an error.
	AuditDir string
	// AuditData writes down what is done to items too.
	AuditData bool
	// AuditValues writes down the values of keys. Other values are never written.
	AuditValues bool
	// AuditKeep is how long files of the audit log are kept that are no longer
	// written; 0 for ever.
	AuditKeep time.Duration
	// AuditMaxBytes is how large those are together, of which the oldest are removed;
	// 0 for any size.
	AuditMaxBytes int64
	// AuditStrangers is how many records a second there are of requests of who is not
	// known, 50 if zero; of the others their number is recorded. Those of five seconds
	// may come at once.
	AuditStrangers int
	// Log receives what an operator should see; nil drops it.
	Log *slog.Logger
	// Now is the time when Clock is real; nil is time.Now.
	Now func() time.Time
}

const authIAM = "iam"

// Dialects are the values of Config.Dialect.
var Dialects = []string{"", "2026-05"}

var (
	accountPattern = regexp.MustCompile(`^\d{12}$`)
	regionPattern  = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
)

// withDefaults fills in defaults and reports what cannot be.
func (c Config) withDefaults() (Config, error) {
	set := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	set(&c.Listen, "127.0.0.1:0")
	set(&c.Region, "us-east-1")
	set(&c.Account, "123456789012")
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case !regionPattern.MatchString(c.Region):
		return c, fmt.Errorf("Config.Region %q: use a name like us-east-1", c.Region)
	case !accountPattern.MatchString(c.Account):
		return c, fmt.Errorf("Config.Account %q: use twelve digits", c.Account)
	case !slices.Contains(Dialects, c.Dialect):
		return c, fmt.Errorf("Config.Dialect %q: use 2026-05, or none for today's", c.Dialect)
	case c.Auth != "" && c.Auth != authIAM:
		return c, fmt.Errorf("Config.Auth %q: use iam, or none", c.Auth)
	case c.Auth == "" && c.IAMFile != "":
		return c, fmt.Errorf("Config.IAMFile is given, but requests are not authenticated: add Config.Auth iam")
	case c.Auth == "" && c.SeparateRegions:
		return c, fmt.Errorf("Config.SeparateRegions is given, but requests are not authenticated: add Config.Auth iam")
	case c.Auth == "" && len(c.MetricsFrom) > 0:
		return c, fmt.Errorf("Config.MetricsFrom is given, but requests are not authenticated, and everybody may see the metrics: add Config.Auth iam")
	case c.MaxConnections < 0 || c.MaxConnectionsPerAddress < 0:
		return c, fmt.Errorf("Config.MaxConnections and Config.MaxConnectionsPerAddress: use positive numbers")
	case (c.TLSCertificate == "") != (c.TLSKey == ""):
		return c, fmt.Errorf("Config.TLSCertificate and Config.TLSKey belong together: give both")
	case c.TLSCertificate != "" && c.TLSSelfSigned != "":
		return c, fmt.Errorf("Config.TLSCertificate is given, and Config.TLSSelfSigned asks for one to be made: leave out one")
	case c.TLSClientCA != "" && !c.hasTLS():
		return c, fmt.Errorf("Config.TLSClientCA is given, but connections are not encrypted: add Config.TLSCertificate and Config.TLSKey")
	case c.AuditDir == "" && (c.AuditData || c.AuditValues || c.AuditKeep != 0 || c.AuditMaxBytes != 0 || c.AuditStrangers != 0):
		return c, fmt.Errorf("Config.AuditDir is missing: say where the audit log is")
	case c.AuditKeep < 0:
		return c, fmt.Errorf("Config.AuditKeep %s: use a positive duration, like 2160h", c.AuditKeep)
	case c.AuditMaxBytes < 0:
		return c, fmt.Errorf("Config.AuditMaxBytes %d: use a positive size", c.AuditMaxBytes)
	case c.AuditStrangers < 0:
		return c, fmt.Errorf("Config.AuditStrangers %d: use a positive number", c.AuditStrangers)
	case c.TTLDelay < 0:
		return c, fmt.Errorf("Config.TTLDelay %s: use a positive duration, like 48h", c.TTLDelay)
	case c.KinesisEndpoint != "" && !trigger.IsURL(c.KinesisEndpoint):
		return c, fmt.Errorf("Config.KinesisEndpoint %q: use a URL like http://127.0.0.1:4567", c.KinesisEndpoint)
	case c.S3Endpoint != "" && !trigger.IsURL(c.S3Endpoint):
		return c, fmt.Errorf("Config.S3Endpoint %q: use a URL like http://127.0.0.1:9000", c.S3Endpoint)
	case c.S3Endpoint != "" && c.BucketDir != "":
		return c, fmt.Errorf("Config.S3Endpoint says that buckets are on a server, Config.BucketDir that they are in a directory: leave out one")
	case c.CacheBytes < 0:
		return c, fmt.Errorf("Config.CacheBytes %d: use a positive size", c.CacheBytes)
	}
	if _, err := c.manualClock(); err != nil {
		return c, err
	}
	for _, text := range c.Triggers {
		if _, err := trigger.Parse(text); err != nil {
			return c, fmt.Errorf("Config.Triggers: %s", oneLine(err))
		}
	}
	return c, c.checkListen()
}

// manualClock returns the clock that c asks for, nil for the real one.
func (c Config) manualClock() (*clock.Manual, error) {
	switch c.Clock {
	case "", "real":
		return nil, nil
	case "manual":
		return clock.NewManual(c.Now()), nil
	}
	at, err := time.Parse(time.RFC3339, c.Clock)
	if err != nil {
		return nil, fmt.Errorf("Config.Clock %q: use real, manual, or a time like 2026-11-01T12:00:00Z", c.Clock)
	}
	if err := clock.Check(at); err != nil {
		return nil, fmt.Errorf("Config.Clock %q: %w", c.Clock, err)
	}
	return clock.NewManual(at), nil
}

// checkListen refuses to serve a network without authentication by accident.
func (c Config) checkListen() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("Config.Listen %q: use host:port, like 127.0.0.1:8000", c.Listen)
	}
	if c.Auth != "" || c.AllowUnauthenticated || host == "localhost" || net.ParseIP(host).IsLoopback() {
		return nil
	}
	return fmt.Errorf("Config.Listen %q is not loopback and requests are not authenticated: listen on 127.0.0.1, authenticate with Config.Auth iam, or allow it with Config.AllowUnauthenticated", c.Listen)
}

// home says whose tables the server has beside its own.
func (c Config) home() table.Home {
	return table.Home{Account: c.Account, Region: c.Region, Accounts: c.Auth != "", Regions: c.SeparateRegions}
}

func (c Config) hasTLS() bool { return c.TLSCertificate != "" || c.TLSSelfSigned != "" }

func (c Config) dialect() api.Dialect {
	if c.Dialect == "2026-05" {
		return api.Dialect202605
	}
	return api.DialectCurrent
}

// listenError says in one line why an address cannot be listened on.
func listenError(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("address %s is in use: stop what listens there, or choose another Config.Listen", address)
	}
	return fmt.Errorf("cannot listen on %s: %s", address, oneLine(err))
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// storage is where a server keeps what it has.
type storage struct {
	store   kv.Store
	scratch extsort.Scratch
	dir     *datadir.Dir // nil: in memory
	buckets bucket.Store
	logs    string          // directory of the error logs of imports; "" for none
	disk    *pebblekv.Store // that store is on; nil: in memory
	keys    *seal.Keys      // nil: the data is not encrypted
	sealed  *sealkv.Store   // nil: no table can have a key of its own
}

// openStorage opens the storage that c asks for.
func openStorage(c Config) (s storage, err error) {
	if c.DataDir == "" {
		s = storage{store: memkv.New(memkv.Options{}), scratch: extsort.Scratch{FS: vfs.NewMem(), Dir: "scratch"}, buckets: openBuckets(c, "", nil)}
		return s, s.sealTables(c)
	}
	if _, err := c.Encryption.source(); err != nil {
		return s, err // before there is a directory
	}
	dir, err := datadir.Open(c.DataDir)
	if err != nil {
		return s, err
	}
	s.dir = dir
	if s.keys, err = c.Encryption.keys(context.Background(), dir, true); err != nil {
		return s, err
	}
	s.scratch = extsort.Scratch{FS: seal.Files(s.keys), Dir: dir.Scratch()}
	s.buckets, s.logs = openBuckets(c, dir.Buckets(), s.keys), dir.Imports()
	s.disk, err = pebblekv.Open(pebblekv.Options{Dir: dir.Store(), Keys: s.keys, CacheBytes: c.CacheBytes, Logger: c.Log})
	if err != nil {
		return s, c.dataError(err)
	}
	s.store = s.disk
	return s, s.sealTables(c)
}

// sealTables lets tables have keys of their own.
func (s *storage) sealTables(c Config) (err error) {
	if s.sealed, err = c.sealTables(context.Background(), s.store, s.keys); err == nil && s.sealed != nil {
		s.store = s.sealed
	}
	return err
}

// dataError says in one line why the data cannot be opened.
func (c Config) dataError(err error) error {
	if c.DataDir == "" {
		return fmt.Errorf("open the data: %w", err)
	}
	return fmt.Errorf("open the data: %s; stator check %s says what is wrong with it", oneLine(err), c.DataDir)
}

// openBuckets returns the buckets that c asks for; dir is where they are if it asks
// for none.
func openBuckets(c Config, dir string, keys *seal.Keys) bucket.Store {
	if c.S3Endpoint != "" {
		return bucket.NewS3(c.S3Endpoint, c.Region)
	}
	return bucket.NewDir(cmp.Or(c.BucketDir, dir), keys)
}

func (s storage) close() (err error) {
	if s.store != nil {
		err = s.store.Close()
	}
	if s.buckets != nil {
		err = errors.Join(err, s.buckets.Close())
	}
	if s.dir != nil {
		err = errors.Join(err, s.dir.Close())
	}
	return err
}
