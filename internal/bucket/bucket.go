// Package bucket is object storage: an S3-compatible endpoint, or a directory
// whose sub-directories stand for the buckets.
//
// # Invariants every store keeps
//
//   - An object is there as a whole, or not at all: one whose Put failed, or was
//     cut off by a kill, is not listed and cannot be opened.
//   - An object that Put returned for survives a power cut.
//   - Memory does not grow with the size of an object.
package bucket

import (
	"context"
	"errors"
	"io"
	"iter"
)

// Store holds objects under keys in buckets. Its methods are safe for
// concurrent use.
type Store interface {
	// Put stores what body yields, in place of the object that was there, and
	// returns its entity tag: the MD5 of the content in hexadecimal, or for a
	// large object what the endpoint makes of its parts.
	Put(ctx context.Context, bucket, key string, body io.Reader, o PutOptions) (etag string, err error)

	// Open returns the content of an object, to be closed.
	Open(ctx context.Context, bucket, key string) (io.ReadCloser, error)

	// List yields the objects whose keys begin with prefix, in the order of
	// their keys as bytes. After an error nothing more is yielded.
	List(ctx context.Context, bucket, prefix string) iter.Seq2[Object, error]

	// Of returns the buckets of another account than the server's own. It is not
	// closed.
	Of(account string) Store

	// Close releases what the store holds. Objects stay.
	Close() error
}

// PutOptions say how an object is stored.
type PutOptions struct {
	// Encryption is what the endpoint encrypts it with: AES256, KMS, or "" for
	// the bucket's own. A directory that has keys takes them for both.
	Encryption string
	KMSKey     string // with KMS; "" for the account's
}

// Object is an object as it is listed.
type Object struct {
	Key  string
	Size int64 // in bytes
	// Version changes when the object does: the entity tag, or for a file its
	// time and size.
	Version string
}

// Errors a caller acts on. Stores wrap them with detail.
var (
	ErrNoBucket = errors.New("the bucket does not exist")
	ErrNoObject = errors.New("the object does not exist")
	ErrDenied   = errors.New("access to the bucket is denied")
	ErrKey      = errors.New("the key cannot be the name of a file")
)
