package pebblekv

import (
	"cmp"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/seal"
)

const (
	defaultCacheBytes = 256 << 20

	// A memtable starts at 256 KiB and each next one is twice as large, up to
	// this: an idle server stays small.
	memtableBytes = 48 << 20

	// A point read that misses the cache reads and decompresses one data block.
	blockBytes      = 16 << 10
	indexBlockBytes = 64 << 10

	// 10 bits a key let about one in a hundred tables be read in vain.
	bloomBitsPerKey = 10

	// From so many commits in flight on, a sync waits this long for more.
	manyFlying = 8
	sharedSync = 100 * time.Microsecond

	// Disk space of cleared tables comes back within this time.
	clearFlushDelay = 10 * time.Second
)

// Options say where a store lives and what it may use. Dir is required.
type Options struct {
	Dir string // created if absent

	// FS is the file system of Dir; nil means the disk.
	FS vfs.FS

	// Keys seal the files; nil leaves them as Pebble writes them. SYNCED, which
	// speaks of sealed files as they are on disk, tells nothing of their content.
	Keys *seal.Keys

	// CacheBytes is the most that the block cache holds, 256 MiB if zero. It is
	// taken as blocks are read, not at the start.
	CacheBytes int64

	// ReadOnly changes nothing in Dir: every write fails. It does not lock Dir:
	// who opens it sees to it that nobody writes there.
	ReadOnly bool

	// Limits are kv.EmbeddedLimits if zero.
	Limits kv.Limits

	// Logger gets what an operator should see; nil means slog.Default().
	Logger *slog.Logger

	// OnFatal is called once, when the store can no longer write (the disk is
	// full, the disk fails), with one sentence that says so. The transaction
	// that met the failure has not been acknowledged and never will be. Nil
	// prints the sentence to standard error and exits with status 1. OnFatal is
	// expected to end the process: if it returns, every call on the store fails
	// from then on, calls that were committing may never return, Close does not
	// wait for them, and Pebble may still end the process in its own words.
	OnFatal func(error)
}

func (o Options) withDefaults() Options {
	o.CacheBytes = cmp.Or(o.CacheBytes, defaultCacheBytes)
	o.Limits = cmp.Or(o.Limits, kv.EmbeddedLimits())
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.OnFatal == nil {
		o.OnFatal = exit
	}
	return o
}

// pebbleOptions translates o, for a store that reports its failures to f, the
// number of its commits in flight in flying, and to s, unless it is nil, what it
// appended to files.
func (o Options) pebbleOptions(f *failure, flying *atomic.Int64, s *synced) *pebble.Options {
	p := &pebble.Options{
		// Named, so that a newer Pebble does not change the files by itself.
		FormatMajorVersion: pebble.FormatTableFormatV6,

		FS:                          o.sealed(logFS{cmp.Or(o.FS, vfs.Default), f, o.Dir, s}),
		ReadOnly:                    o.ReadOnly,
		CacheSize:                   o.CacheBytes,
		MemTableSize:                memtableBytes,
		MemTableStopWritesThreshold: 3,
		WALMinSyncInterval:          func() time.Duration { return syncInterval(flying.Load()) },
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       20,
		LBaseMaxBytes:               64 << 20,
		FlushDelayDeleteRange:       clearFlushDelay,
		CompactionConcurrencyRange:  compactionConcurrency,
		Logger:                      f,
		EventListener:               f.events(),
	}
	for i := range p.Levels {
		p.Levels[i].BlockSize = blockBytes
		p.Levels[i].IndexBlockSize = indexBlockBytes
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
		p.Levels[i].FilterType = pebble.TableFilter
	}
	if o.FS == nil {
		p.WithFSDefaults() // notices a slow disk
	}
	p.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
	return p
}

// sealed returns the content of files.
func (o Options) sealed(files vfs.FS) vfs.FS {
	if o.Keys == nil {
		return files
	}
	return seal.NewFS(files, o.Keys, func(name string) bool { return appendedFile(name) != 0 })
}

// syncInterval returns how long a sync of the log may wait for more commits to
// share it. A few clients gain nothing from waiting; many need fewer syncs.
func syncInterval(flying int64) time.Duration {
	if flying < manyFlying {
		return 0
	}
	return sharedSync
}

// compactionConcurrency leaves at least half of the processors to requests.
func compactionConcurrency() (lower, upper int) {
	return 1, min(max(runtime.GOMAXPROCS(0)/2, 1), 6)
}
