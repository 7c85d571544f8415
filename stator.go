// Package stator embeds a server that AWS SDKs take for Amazon DynamoDB.
//
//	srv, err := stator.Open(stator.Config{})
//	…
//	defer srv.Close()
//	client := dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String(srv.URL()), …})
package stator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/server"
	"github.com/statordb/stator/internal/stream"
	"github.com/statordb/stator/internal/table"
)

// Server is a running server. Its methods are safe for concurrent use.
type Server struct {
	config  Config
	ln      net.Listener
	http    *server.Server
	engine  *table.Engine
	streams *stream.Streams
	store   kv.Store
	release func() error // of the data directory

	stop     context.CancelFunc
	running  sync.WaitGroup
	closing  sync.Once
	closeErr error
}

// drainTime is how long Close waits for running requests.
const drainTime = 10 * time.Second

// saveInterval is how often item counts are stored. A kill loses what was
// counted since; items are never affected.
const saveInterval = 10 * time.Second

// Open opens the data, listens, and serves until Close. Its errors are single
// lines that say what to do.
func Open(c Config) (*Server, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{config: c}
	if s.ln, err = net.Listen("tcp", c.Listen); err != nil {
		return nil, listenError(c.Listen, err)
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.ln.Close(), s.closeStore())
	}
	s.start()
	return s, nil
}

// open opens the store and builds the layers on it.
func (s *Server) open() (err error) {
	if s.store, s.release, err = openStore(s.config); err != nil {
		return err
	}
	catalog, err := table.OpenCatalog(context.Background(), s.store, s.config.Now, meter.New(s.config.Now, s.config.EnforceCapacity))
	if err != nil {
		return fmt.Errorf("open the data: %w", err)
	}
	s.engine = table.NewEngine(s.store, catalog, s.config.Log)
	s.streams = stream.New(s.engine, s.config.Region, s.config.Account, s.config.Now)
	operations := api.New(api.Config{
		Engine: s.engine, Streams: s.streams, Region: s.config.Region, Account: s.config.Account,
		Dialect: s.config.dialect(), Now: s.config.Now, Log: s.config.Log,
	})
	s.http = server.New(server.Config{
		API: operations, Region: s.config.Region, Metrics: server.NewMetrics(s.store, s.engine), Log: s.config.Log,
	})
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
	s.engine.StartJobs()
	s.running.Go(func() { s.housekeep(ctx) })
}

// housekeep stores item counts, forgets client tokens that are over, and keeps
// the streams.
func (s *Server) housekeep(ctx context.Context) {
	tick := time.NewTicker(saveInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err := errors.Join(s.engine.SaveCounts(ctx), s.engine.ForgetTokens(ctx, s.config.Now()), s.streams.Keep(ctx))
			if err != nil && ctx.Err() == nil {
				s.config.Log.Error("housekeeping failed", "error", err)
			}
		}
	}
}

// Addr returns the address that the server listens on: "127.0.0.1:8000".
func (s *Server) Addr() string { return s.ln.Addr().String() }

// URL returns the endpoint for clients: "http://127.0.0.1:8000".
func (s *Server) URL() string { return "http://" + s.Addr() }

// Close stops listening, waits up to ten seconds for running requests, and
// closes the data.
func (s *Server) Close() error {
	s.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), drainTime)
		defer cancel()
		err := s.http.Shutdown(ctx)
		s.stop()
		s.running.Wait()
		s.engine.Close()
		s.closeErr = errors.Join(err, s.engine.SaveCounts(context.Background()), s.closeStore())
	})
	return s.closeErr
}

func (s *Server) closeStore() (err error) {
	if s.store != nil {
		err = s.store.Close()
	}
	if s.release != nil {
		err = errors.Join(err, s.release())
	}
	return err
}
