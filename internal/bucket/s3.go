package bucket

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// S3 is an S3-compatible endpoint.
type S3 struct{ client *s3.Client }

// Of is Store's. The credentials are the server's, so nothing is given to others
// with them.
func (*S3) Of(account string) Store { return nothing{account} }

// nothing has no buckets.
type nothing struct{ account string }

func (n nothing) err() error {
	return fmt.Errorf("account %s has no credentials at the S3 endpoint: %w", n.account, ErrDenied)
}

// Put implements Store.
func (n nothing) Put(context.Context, string, string, io.Reader, PutOptions) (string, error) {
	return "", n.err()
}

// Open implements Store.
func (n nothing) Open(context.Context, string, string) (io.ReadCloser, error) { return nil, n.err() }

// List implements Store.
func (n nothing) List(context.Context, string, string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) { yield(Object{}, n.err()) }
}

// Of implements Store.
func (n nothing) Of(string) Store { return n }

// Close implements Store.
func (nothing) Close() error { return nil }

// NewS3 returns the buckets at endpoint, a URL, in a region. Its credentials are
// those of the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
// AWS_SESSION_TOKEN; a server for tests takes any. Buckets are named in the path
// of requests, as not every server has a host name for each.
func NewS3(endpoint, region string) *S3 {
	c := credentials.NewStaticCredentialsProvider(
		cmp.Or(os.Getenv("AWS_ACCESS_KEY_ID"), "stator"), cmp.Or(os.Getenv("AWS_SECRET_ACCESS_KEY"), "stator"), os.Getenv("AWS_SESSION_TOKEN"))
	return &S3{s3.New(s3.Options{
		BaseEndpoint: &endpoint, Region: region, UsePathStyle: true, Credentials: c,
		// Content-MD5 protects what is sent; newer checksums not every server knows.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})}
}

// Close does nothing: there is nothing to release.
func (s *S3) Close() error { return nil }

// partBytes is the size of the parts of a large object, which are kept in memory
// one at a time. S3 takes 10,000 parts of at least 5 MiB; parts double in size
// every growParts, so that an object can have S3's 5 TB.
const (
	partBytes = 8 << 20
	growParts = 1000
)

// Put is Store's.
func (s *S3) Put(ctx context.Context, bucket, key string, body io.Reader, o PutOptions) (string, error) {
	part := make([]byte, partBytes)
	n, err := io.ReadFull(body, part)
	if err == nil {
		return s.putParts(ctx, bucket, key, part, body, o)
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(part[:n]), ContentMD5: contentMD5(part[:n])}
	in.ServerSideEncryption, in.SSEKMSKeyId = o.encryption()
	out, err := s.client.PutObject(ctx, in)
	if err != nil {
		return "", known(err)
	}
	return strings.Trim(aws.ToString(out.ETag), `"`), nil
}

func contentMD5(b []byte) *string {
	sum := md5.Sum(b)
	return aws.String(base64.StdEncoding.EncodeToString(sum[:]))
}

func (o PutOptions) encryption() (types.ServerSideEncryption, *string) {
	switch o.Encryption {
	case "AES256":
		return types.ServerSideEncryptionAes256, nil
	case "KMS":
		var key *string
		if o.KMSKey != "" {
			key = &o.KMSKey
		}
		return types.ServerSideEncryptionAwsKms, key
	}
	return "", nil
}

// putParts stores an object in parts, of which the first is in part. What was
// sent is removed if it fails.
func (s *S3) putParts(ctx context.Context, bucket, key string, part []byte, body io.Reader, o PutOptions) (string, error) {
	in := &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key}
	in.ServerSideEncryption, in.SSEKMSKeyId = o.encryption()
	upload, err := s.client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return "", known(err)
	}
	done, err := s.sendParts(ctx, bucket, key, upload.UploadId, part, body)
	if err == nil {
		var out *s3.CompleteMultipartUploadOutput
		out, err = s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &bucket, Key: &key, UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
		})
		if err == nil {
			return strings.Trim(aws.ToString(out.ETag), `"`), nil
		}
	}
	_, aborted := s.client.AbortMultipartUpload(context.WithoutCancel(ctx), &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: upload.UploadId})
	return "", errors.Join(known(err), aborted)
}

func (s *S3) sendParts(ctx context.Context, bucket, key string, upload *string, part []byte, body io.Reader) (done []types.CompletedPart, err error) {
	for number := int32(1); len(part) > 0; number++ {
		out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &bucket, Key: &key, UploadId: upload, PartNumber: &number, Body: bytes.NewReader(part), ContentMD5: contentMD5(part),
		})
		if err != nil {
			return nil, err
		}
		done = append(done, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(number)})
		if number%growParts == 0 {
			part = make([]byte, 2*cap(part))
		}
		n, err := io.ReadFull(body, part[:cap(part)])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		part = part[:n]
	}
	return done, nil
}

// Open is Store's. A connection that breaks is made again, where it was.
func (s *S3) Open(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	o := &object{ctx: ctx, client: s.client, in: s3.GetObjectInput{Bucket: &bucket, Key: &key}, tries: readTries}
	if err := o.open(); err != nil {
		return nil, err
	}
	return o, nil
}

// readTries is how often the connection of an object may break.
const readTries = 5

// object is the content of an object that is being read.
type object struct {
	ctx    context.Context // of the whole reading
	client *s3.Client
	in     s3.GetObjectInput
	body   io.ReadCloser
	at     int64 // bytes read
	tries  int   // left
}

// open asks for what has not been read, of the version that was opened first.
func (o *object) open() error {
	if o.at > 0 {
		o.in.Range = aws.String(fmt.Sprintf("bytes=%d-", o.at))
	}
	out, err := o.client.GetObject(o.ctx, &o.in)
	if err != nil {
		return known(err)
	}
	o.body, o.in.IfMatch = out.Body, out.ETag
	return nil
}

func (o *object) Read(p []byte) (int, error) {
	n, err := o.body.Read(p)
	o.at += int64(n)
	if err == nil || errors.Is(err, io.EOF) || o.tries == 0 || o.ctx.Err() != nil {
		return n, err
	}
	o.tries--
	broken := o.body
	if failed := o.open(); failed != nil {
		return n, errors.Join(err, failed)
	}
	broken.Close() // what it says is known
	return n, nil
}

func (o *object) Close() error { return o.body.Close() }

// List is Store's.
func (s *S3) List(ctx context.Context, bucket, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Object{}, known(err))
				return
			}
			for _, o := range page.Contents {
				found := Object{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), Version: strings.Trim(aws.ToString(o.ETag), `"`)}
				if !yield(found, nil) {
					return
				}
			}
		}
	}
}

// known makes the errors of this package of what an endpoint answers.
func known(err error) error {
	var e smithy.APIError
	if !errors.As(err, &e) {
		return err
	}
	kind := error(nil)
	switch e.ErrorCode() {
	case "NoSuchBucket":
		kind = ErrNoBucket
	case "NoSuchKey":
		kind = ErrNoObject
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled", "AccountProblem":
		kind = ErrDenied
	default:
		return err
	}
	return fmt.Errorf("%w: %s: %s", kind, e.ErrorCode(), e.ErrorMessage())
}
