// Package stator embeds a server that AWS SDKs take for Amazon DynamoDB.
//
//	srv, err := stator.Open(stator.Config{})
//	…
//	defer srv.Close()
//	client := dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String(srv.URL()), …})
package stator

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/audit"
	"github.com/statordb/stator/internal/backup"
	"github.com/statordb/stator/internal/clock"
	"github.com/statordb/stator/internal/identity"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/seal"
	"github.com/statordb/stator/internal/server"
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/sts"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/transfer"
	"github.com/statordb/stator/internal/trigger"
)

// Server is a running server. Its methods are safe for concurrent use.
type Server struct {
	config    Config
	ln        net.Listener
	tls       *tls.Config         // nil: connections are not encrypted
	real      func() time.Time    // whatever the clock shows
	who       *identity.Directory // nil: requests are not authenticated
	audit     *audit.Writer       // nil: nothing is written down
	http      *server.Server
	engine    *table.Engine
	streams   *stream.Streams
	backups   *backup.Backups
	transfers *transfer.Transfers
	triggers  *trigger.Triggers
	kinesis   *trigger.Kinesis // nil: there is no Kinesis endpoint
	storage
	copies     copies
	keyTrouble string // that refreshKeys met last
	keyLooks   int    // of refreshKeys

	clock    *clock.Manual // nil: the real one
	keeping  sync.Mutex    // held by housekeep
	expiring sync.Mutex    // held by expire

	stop     context.CancelFunc
	running  sync.WaitGroup
	closing  sync.Once
	closeErr error
}

// drainTime is how long Close waits for running requests.
const drainTime = 10 * time.Second

// saveInterval is how often item counts are stored. After a kill they are
// counted again; until then they lack what was counted since.
const saveInterval = 10 * time.Second

// expireInterval is how often items are looked for whose time to live is over.
const expireInterval = time.Second

// keysInterval is how often it is looked which keys there are.
const keysInterval = time.Second

// Open opens the data, listens, and serves until Close. Its errors are single
// lines that say what to do.
func Open(c Config) (*Server, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, real: c.Now}
	if s.clock, err = c.manualClock(); err != nil {
		return nil, err
	}
	if s.clock != nil {
		s.config.Now = s.clock.Now
	}
	if s.ln, err = net.Listen("tcp", c.Listen); err != nil {
		return nil, listenError(c.Listen, err)
	}
	if err := s.open(); err != nil {
		if s.triggers != nil {
			s.triggers.Close()
		}
		return nil, errors.Join(err, s.ln.Close(), s.closeAudit(), s.storage.close())
	}
	s.config.warnExposed()
	s.start()
	return s, nil
}

// open opens the store and builds the layers on it.
func (s *Server) open() (err error) {
	if err := s.openAccess(); err != nil {
		return err
	}
	if s.storage, err = openStorage(s.config); err != nil {
		return err
	}
	catalog, err := table.OpenCatalog(context.Background(), s.store, s.config.Now, meter.New(s.config.Now, s.config.EnforceCapacity))
	if err != nil {
		return s.config.dataError(err)
	}
	if s.sealed != nil {
		catalog.SealWith(s.sealed)
		_ = s.askForKeys(context.Background()) // tables whose keys are not there are inaccessible, and others go on
	}
	s.engine = table.NewEngine(s.store, catalog, s.config.Log)
	s.engine.Home = s.config.home()
	s.streams = stream.New(s.engine, s.engine.Home, s.config.Now)
	s.backups, err = backup.Open(context.Background(), backup.Config{
		Store: s.store, Engine: s.engine, Scratch: s.scratch, Now: s.config.Now, Log: s.config.Log,
	})
	if err != nil {
		return s.config.dataError(err)
	}
	s.transfers, err = transfer.Open(context.Background(), transfer.Config{
		Store: s.store, Engine: s.engine, Buckets: s.buckets, Scratch: s.scratch, Logs: s.logs, LogFS: seal.Files(s.keys), Now: s.config.Now, Log: s.config.Log,
	})
	if err != nil {
		return fmt.Errorf("open the data: %w", err)
	}
	if s.config.KinesisEndpoint != "" {
		s.kinesis = trigger.NewKinesis(s.store, s.engine, s.streams, s.config.KinesisEndpoint, s.config.Now, s.config.Log)
	}
	operations := api.New(api.Config{
		Engine: s.engine, Streams: s.streams, Backups: s.backups, Transfers: s.transfers, Kinesis: s.kinesis,
		Home: s.engine.Home, Dialect: s.config.dialect(), EnforceCapacity: s.config.EnforceCapacity, Now: s.config.Now, Log: s.config.Log,
	})
	s.triggers, err = trigger.Open(context.Background(), s.store, s.streams, s.config.Now, s.config.Log)
	if err != nil {
		return s.config.dataError(err)
	}
	if err := s.declareTriggers(); err != nil {
		return fmt.Errorf("create the triggers: %w", err)
	}
	front := server.Config{API: operations, Identity: s.who, Now: s.real, TLS: s.tls, Proxies: s.config.TrustedProxies, MetricsFrom: s.config.MetricsFrom,
		Limits: server.Limits{Connections: s.config.MaxConnections, ConnectionsPerAddress: s.config.MaxConnectionsPerAddress},
		Region: s.config.Region, Account: s.config.Account, Metrics: server.NewMetrics(s.store, s.engine, s.backups, s.kinesis), Log: s.config.Log}
	if s.who != nil {
		front.STS = sts.New(sts.Options{Directory: s.who, Now: s.real, Log: s.config.Log})
	}
	if s.audit != nil {
		front.Audit = &server.Audit{Writer: s.audit, Data: s.config.AuditData}
	}
	if s.clock != nil {
		front.Clock = s
	}
	if s.config.Admin {
		front.Triggers = s.triggers
		s.copies.server = s
		front.Copies = &s.copies
	}
	s.http = server.New(front)
	return nil
}

// openAccess opens what says who may connect and ask.
func (s *Server) openAccess() (err error) {
	c := s.config
	if c.Auth == authIAM {
		path := cmp.Or(c.IAMFile, identity.DefaultPath)
		if !exists(path) {
			return fmt.Errorf("there is no IAM file %s: make one with stator iam init", path)
		}
		s.who, err = identity.Open(identity.Options{Path: path, Now: s.real, Log: c.Log})
		if err != nil {
			return fmt.Errorf("open Config.IAMFile: %s", oneLine(err))
		}
		if s.who.Principal("arn:aws:iam::"+c.Account+":root") == nil {
			c.Log.Warn("the IAM file has no account "+c.Account+", of which the tables without an owner are: see Config.Account", "file", path)
		}
	}
	if c.AuditDir != "" {
		s.audit, err = audit.Open(audit.Options{Dir: c.AuditDir, Values: c.AuditValues, MaxAge: c.AuditKeep, MaxBytes: c.AuditMaxBytes, Compress: true,
			Strangers: c.AuditStrangers, Now: s.real, Log: c.Log})
		if err != nil {
			return fmt.Errorf("open Config.AuditDir: %s", oneLine(err))
		}
	}
	if !c.hasTLS() {
		return nil
	}
	files := server.TLSFiles{Certificate: c.TLSCertificate, Key: c.TLSKey, ClientCA: c.TLSClientCA, Log: c.Log}
	if c.TLSSelfSigned != "" {
		if files.Certificate, files.Key, err = server.SelfSigned(c.TLSSelfSigned, s.real()); err != nil {
			return fmt.Errorf("make a certificate in Config.TLSSelfSigned: %s", oneLine(err))
		}
	}
	if s.tls, err = files.Config(); err != nil {
		return fmt.Errorf("encrypt connections: %s", oneLine(err))
	}
	return nil
}

func (s *Server) closeAudit() error {
	if s.audit == nil {
		return nil
	}
	return s.audit.Close()
}

// declareTriggers creates the triggers of the configuration.
func (s *Server) declareTriggers() error {
	for _, text := range s.config.Triggers {
		list, err := trigger.Parse(text)
		if err != nil {
			return err
		}
		for _, t := range list {
			if err := s.triggers.Declare(context.Background(), t); err != nil {
				return err
			}
		}
	}
	return nil
}

// start serves and runs the background work.
func (s *Server) start() {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.running.Go(func() {
		if err := s.http.Serve(s.ln); err != nil {
			s.config.Log.Error("stopped serving", "error", err)
		}
	})
	if err := s.engine.StartJobs(ctx); err != nil {
		s.config.Log.Error("could not resume all background work", "error", err)
	}
	s.backups.Start()
	if err := s.transfers.Start(ctx); err != nil {
		s.config.Log.Error("could not resume all exports and imports", "error", err)
	}
	if s.kinesis != nil {
		if err := s.kinesis.Look(ctx); err != nil {
			s.config.Log.Error("could not resume all deliveries to Kinesis", "error", err)
		}
	}
	if s.who != nil {
		s.running.Go(func() { s.who.Run(ctx) })
	}
	if s.keys != nil || s.sealed != nil {
		s.running.Go(func() { s.every(ctx, keysInterval, s.refreshKeys) })
	}
	s.running.Go(func() { s.every(ctx, saveInterval, s.housekeep) })
	s.running.Go(func() { s.every(ctx, expireInterval, s.expire) })
}

// every does work at intervals of real time until ctx ends.
func (s *Server) every(ctx context.Context, interval time.Duration, work func(context.Context) error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := work(ctx); err != nil && ctx.Err() == nil {
				s.config.Log.Error("background work failed", "error", err)
			}
		}
	}
}

// housekeep stores item counts, forgets client tokens, system backups, exports and
// imports that are over, finishes deletions that failed, keeps the streams, and ends
// deliveries to Kinesis that are over.
func (s *Server) housekeep(ctx context.Context) error {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	err := errors.Join(s.engine.SaveCounts(ctx), s.engine.ForgetTokens(ctx, s.config.Now()), s.engine.FinishDeletions(ctx),
		s.streams.Keep(ctx), s.backups.Expire(ctx), s.transfers.Forget(ctx))
	if s.kinesis != nil {
		err = errors.Join(err, s.kinesis.Look(ctx))
	}
	return err
}

// expire removes the items whose time to live is over.
func (s *Server) expire(ctx context.Context) error {
	s.expiring.Lock()
	defer s.expiring.Unlock()
	return s.engine.ExpireAll(ctx, s.config.Now().Add(-s.config.TTLDelay))
}

// Now returns the time of the server's clock.
func (s *Server) Now() time.Time { return s.config.Now() }

// MoveClock sets the clock, which must be manual (Config.Clock), and returns
// when the work that is due then has been done: expired items are removed,
// streams trimmed.
func (s *Server) MoveClock(ctx context.Context, at time.Time) error {
	if s.clock == nil {
		return errors.New("the clock is real: open the server with a manual one to move it")
	}
	if err := clock.Check(at); err != nil {
		return fmt.Errorf("the clock cannot show %s: %w", at.UTC().Format(time.RFC3339), err)
	}
	s.clock.Move(at)
	return errors.Join(s.expire(ctx), s.housekeep(ctx))
}

// Addr returns the address that the server listens on: "127.0.0.1:8000".
func (s *Server) Addr() string { return s.ln.Addr().String() }

// URL returns the endpoint for clients: "http://127.0.0.1:8000".
func (s *Server) URL() string {
	if s.tls != nil {
		return "https://" + s.Addr()
	}
	return "http://" + s.Addr()
}

// Close stops listening, waits up to ten seconds for running requests, and
// closes the data.
func (s *Server) Close() error {
	s.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		err := s.http.Shutdown(ctx)
		_ = s.ln.Close() // closed already, unless it was not yet listened on
		s.stop()
		s.running.Wait()
		s.copies.close()
		s.triggers.Close()
		if s.kinesis != nil {
			s.kinesis.Close()
		}
		s.transfers.Close()
		s.backups.Close()
		s.engine.Close()
		if err == nil { // else a request may still write
			err = s.engine.CloseCounts(context.Background())
		}
		s.closeErr = errors.Join(err, s.closeAudit(), s.storage.close())
	})
	return s.closeErr
}
