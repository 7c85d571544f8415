package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/statordb/stator"
	"github.com/statordb/stator/internal/identity"
)

// flagNames puts flags into errors that name members of stator.Config.
var flagNames = strings.NewReplacer(
	"Config.Listen", "--listen", "Config.Region", "--region", "Config.Account", "--account", "Config.Dialect", "--dialect",
	"Config.TLSCertificate", "--tls-cert", "Config.TLSKey", "--tls-key", "Config.TLSSelfSigned", "--tls-self-signed", "Config.TLSClientCA", "--tls-client-ca",
	"Config.Auth iam", "--auth=iam", "Config.Auth", "--auth", "Config.IAMFile", "--iam-file", "Config.SeparateRegions", "--separate-regions",
	"Config.MetricsFrom", "--metrics-from", "Config.MaxConnectionsPerAddress", "--max-connections-per-address", "Config.MaxConnections", "--max-connections",
	"Config.AuditDir", "--audit-dir", "Config.AuditKeep", "--audit-keep", "Config.AuditMaxBytes", "--audit-max-bytes", "Config.AuditStrangers", "--audit-strangers",
	"Config.CacheBytes", "--cache-bytes", "Config.AllowUnauthenticated", "--allow-unauthenticated",
	"Config.Clock", "--clock", "Config.TTLDelay", "--ttl-delay",
	"Config.KinesisEndpoint", "--kinesis-endpoint", "Config.S3Endpoint", "--s3-endpoint", "Config.BucketDir", "--bucket-dir", "Config.Triggers", "--trigger",
	"Config.Encryption.KeyFile", "--encryption-key-file", "Config.Encryption.KeyVariable", "--encryption-key-env", "Config.Encryption.KMSKey", "--encryption-kms-key",
)

// addresses defines a flag that adds an address or a range to a list.
func addresses(set *flag.FlagSet, to *[]netip.Prefix, name, usage string) {
	set.Func(name, usage, func(text string) error {
		prefix, err := netip.ParsePrefix(text)
		if address, alone := netip.ParseAddr(text); alone == nil {
			prefix, err = address.Prefix(address.BitLen())
		}
		if err != nil {
			return errors.New("give an address or a range, like 10.0.0.0/8")
		}
		*to = append(*to, prefix)
		return nil
	})
}

const heapBallast = 64 << 20

// serve runs a server until SIGINT or SIGTERM.
func serve(args []string) error {
	var c stator.Config
	var inMemory bool
	var level slog.Level
	set := flag.NewFlagSet("stator serve", flag.ContinueOnError)
	set.StringVar(&c.Listen, "listen", "127.0.0.1:8000", "address to listen on")
	set.StringVar(&c.DataDir, "data", "stator-data", "directory of the data, created if absent")
	set.BoolVar(&inMemory, "in-memory", false, "keep everything in memory and forget it at the end")
	set.StringVar(&c.Region, "region", "us-east-1", "region in ARNs")
	set.StringVar(&c.Account, "account", "123456789012", "account in ARNs")
	set.StringVar(&c.Dialect, "dialect", "", "vintage of the error texts: 2026-05, or empty for today's")
	c.CacheBytes = 256 << 20
	set.Var((*sizeFlag)(&c.CacheBytes), "cache-bytes", "most memory for the block cache, like 256MiB")
	set.StringVar(&c.Auth, "auth", "", "iam: every request is signed by somebody that --iam-file knows, and may do what policies allow; nothing: requests are not authenticated")
	set.StringVar(&c.IAMFile, "iam-file", "", "file that says who there is, see stator iam (default "+identity.DefaultPath+")")
	set.BoolVar(&c.SeparateRegions, "separate-regions", false, "give each region that requests are signed for tables of its own, with --auth=iam")
	set.BoolVar(&c.AllowUnauthenticated, "allow-unauthenticated", false, "permit an address that is not loopback although requests are not authenticated")
	set.StringVar(&c.AuditDir, "audit-dir", "", "directory of the audit log: CloudTrail records of requests, as lines of JSON")
	set.BoolVar(&c.AuditData, "audit-data-events", false, "record what is done to items too")
	set.BoolVar(&c.AuditValues, "audit-key-values", false, "record the values of keys")
	set.DurationVar(&c.AuditKeep, "audit-keep", 0, "how long files of the audit log are kept that are no longer written; 0 for ever")
	set.Var((*sizeFlag)(&c.AuditMaxBytes), "audit-max-bytes", "how large those files are together, like 10GiB, of which the oldest are removed; 0 for any size")
	set.IntVar(&c.AuditStrangers, "audit-strangers", 0, "records a second of requests of who is not known, of more there is a count (default 50)")
	addresses(set, &c.TrustedProxies, "trusted-proxy", "address or range of proxies in front, whose X-Forwarded-For and X-Forwarded-Proto are believed; may be given several times")
	addresses(set, &c.MetricsFrom, "metrics-from", "address or range that may see /metrics beside this machine, with --auth=iam; may be given several times")
	set.IntVar(&c.MaxConnections, "max-connections", 0, "most open connections (default 16384, or half of the files that the process may have open)")
	set.IntVar(&c.MaxConnectionsPerAddress, "max-connections-per-address", 0, "most open connections from one address, or one IPv6 network of 64 bits, that is neither this machine nor a trusted proxy (default a quarter of --max-connections)")
	set.StringVar(&c.TLSCertificate, "tls-cert", "", "PEM file of the certificate: connections are encrypted; read again when it changes")
	set.StringVar(&c.TLSKey, "tls-key", "", "PEM file of the certificate's key")
	set.StringVar(&c.TLSSelfSigned, "tls-self-signed", "", "directory for a certificate that is made for development, in place of --tls-cert")
	set.StringVar(&c.TLSClientCA, "tls-client-ca", "", "PEM file of the authorities that clients' certificates must be from, read again when it changes; nothing: clients need none")
	set.BoolVar(&c.EnforceCapacity, "enforce-capacity", false, "throttle tables and indexes at their throughput as DynamoDB does")
	set.StringVar(&c.Clock, "clock", "real", "real, manual, or the time at which a manual clock begins; PUT /clock moves it")
	set.DurationVar(&c.TTLDelay, "ttl-delay", 0, "how long items stay after their time to live is over")
	set.BoolVar(&c.Admin, "admin", false, "let programs on this machine change triggers and copy the whole server, see stator trigger and stator backup")
	set.StringVar(&c.KinesisEndpoint, "kinesis-endpoint", "", "URL of the Kinesis that gets the changes of tables, see EnableKinesisStreamingDestination")
	set.StringVar(&c.S3Endpoint, "s3-endpoint", "", "URL of the S3-compatible server of exports and imports, in place of --bucket-dir")
	set.StringVar(&c.BucketDir, "bucket-dir", "", "directory whose sub-directories stand for buckets (default buckets in the directory of the data)")
	defineEncryption(set, &c.Encryption, encryptionFlags, "the data, which is then encrypted")
	set.Func("trigger", "trigger to create at the start: JSON, or name=ship,table=Orders,target=URL; may be given several times", func(text string) error {
		c.Triggers = append(c.Triggers, text)
		return nil
	})
	set.TextVar(&level, "log-level", slog.LevelInfo, "least level that is logged: DEBUG, INFO, WARN, ERROR")
	if err := parse(set, args); err != nil {
		return err
	}
	if inMemory {
		if given(set, "data") {
			return errors.New("--data says where data is kept, --in-memory that it is not: leave out one")
		}
		c.DataDir = ""
	}
	c.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))

	// Never touched, so it takes no memory; but the collector, which starts when
	// the heap has doubled, then starts less often while the heap is small.
	ballast := make([]byte, heapBallast)
	defer runtime.KeepAlive(ballast)

	stop := make(chan os.Signal, 2)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	srv, err := stator.Open(c)
	if err != nil {
		return errors.New(flagNames.Replace(err.Error()))
	}
	where := c.DataDir
	if inMemory {
		where = "memory"
	}
	fmt.Printf("stator serves DynamoDB at %s, data in %s%s\n", srv.URL(), where, protections(c))
	<-stop
	c.Log.Info("draining")
	go func() {
		<-stop // a second signal does not wait
		os.Exit(statusFailed)
	}()
	return srv.Close()
}

// protections lists what c protects the data with, for the first line of a server.
func protections(c stator.Config) (list string) {
	for _, p := range []struct {
		name string
		on   bool
	}{
		{"encrypted", c.DataDir != "" && (c.Encryption.KeyFile != "" || c.Encryption.KeyVariable != "" || c.Encryption.KMSKey != "")},
		{"requests authenticated", c.Auth != ""},
		{"audited", c.AuditDir != ""},
	} {
		if p.on {
			list += ", " + p.name
		}
	}
	return list
}
