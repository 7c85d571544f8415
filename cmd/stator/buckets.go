package main

import (
	"cmp"
	"flag"
	"path/filepath"
)

// bucketFlags say where the server has its buckets, as its own flags do.
type bucketFlags struct{ data, dir string }

func (b *bucketFlags) define(set *flag.FlagSet) {
	set.StringVar(&b.data, "data", "stator-data", "data directory of the server, on this machine")
	set.StringVar(&b.dir, "bucket-dir", "", "directory of the server's buckets; empty is buckets in its data directory")
}

func (b *bucketFlags) directory() string { return cmp.Or(b.dir, filepath.Join(b.data, "buckets")) }
