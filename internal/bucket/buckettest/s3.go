// Package buckettest is an S3-compatible server for tests.
package buckettest

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Server answers the requests of S3 that stores make, from memory. A bucket is
// there when it is in Buckets; all of the bucket "forbidden" is denied. Its
// members are set, and read, while no request is under way.
type Server struct {
	*httptest.Server
	PageSize int // of listings
	BreakAt  int // bytes of an object after which a connection breaks; 0: never

	mu      sync.Mutex
	Buckets map[string]map[string][]byte
	Uploads map[string]map[int][]byte // in parts, that are under way
	Aborted int                       // of them
	Headers []http.Header             // of the requests that stored an object
	Largest int                       // body of a request
}

// New starts a server with buckets, which stops with the test.
func New(t testing.TB, buckets ...string) *Server {
	s := &Server{PageSize: 2, Buckets: map[string]map[string][]byte{}, Uploads: map[string]map[int][]byte{}}
	for _, b := range buckets {
		s.Buckets[b] = map[string][]byte{}
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.Largest = max(s.Largest, len(body))
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	objects, ok := s.Buckets[bucket]
	q := r.URL.Query()
	switch {
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="):
		s3Error(w, 403, "AccessDenied")
	case bucket == "forbidden":
		s3Error(w, 403, "AccessDenied")
	case !ok:
		s3Error(w, 404, "NoSuchBucket")
	case r.Method == "GET" && q.Get("list-type") == "2":
		s.list(w, objects, q.Get("prefix"), q.Get("continuation-token"))
	case r.Method == "GET":
		s.get(w, r, objects, key)
	case r.Method == "POST" && q.Has("uploads"):
		s.Headers = append(s.Headers, r.Header)
		id := fmt.Sprint("upload ", len(s.Uploads))
		s.Uploads[id] = map[int][]byte{}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Method == "POST":
		s.complete(w, objects, key, s.Uploads[q.Get("uploadId")], body)
	case r.Method == "DELETE":
		s.Aborted++
		delete(s.Uploads, q.Get("uploadId"))
		w.WriteHeader(204)
	case r.Method == "PUT":
		s.put(w, r, objects, key, body)
	}
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, objects map[string][]byte, key string, body []byte) {
	sum := md5.Sum(body)
	if r.Header.Get("Content-MD5") != base64.StdEncoding.EncodeToString(sum[:]) {
		s3Error(w, 400, "BadDigest")
		return
	}
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	if id := r.URL.Query().Get("uploadId"); id != "" {
		n, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
		s.Uploads[id][n] = body
		return
	}
	s.Headers = append(s.Headers, r.Header)
	objects[key] = body
}

func (s *Server) complete(w http.ResponseWriter, objects map[string][]byte, key string, parts map[int][]byte, body []byte) {
	var in struct{ Part []struct{ PartNumber int } }
	if err := xml.Unmarshal(body, &in); err != nil {
		s3Error(w, 400, "MalformedXML")
		return
	}
	var whole []byte
	for _, p := range in.Part {
		whole = append(whole, parts[p.PartNumber]...)
	}
	objects[key] = whole
	fmt.Fprintf(w, `<CompleteMultipartUploadResult><ETag>"parts-%d"</ETag></CompleteMultipartUploadResult>`, len(in.Part))
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, objects map[string][]byte, key string) {
	content, ok := objects[key]
	if !ok {
		s3Error(w, 404, "NoSuchKey")
		return
	}
	sum := md5.Sum(content)
	etag := `"` + hex.EncodeToString(sum[:]) + `"`
	if match := r.Header.Get("If-Match"); match != "" && match != etag {
		s3Error(w, 412, "PreconditionFailed")
		return
	}
	status := 200
	if from, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		at, _ := strconv.Atoi(strings.TrimSuffix(from, "-"))
		content, status = content[at:], 206
	}
	w.Header().Set("ETag", etag)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(status)
	if s.BreakAt > 0 && len(content) > s.BreakAt {
		_, _ = w.Write(content[:s.BreakAt])
		panic(http.ErrAbortHandler)
	}
	_, _ = io.Copy(w, bytes.NewReader(content))
}

func (s *Server) list(w http.ResponseWriter, objects map[string][]byte, prefix, after string) {
	var out struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []struct {
			Key, ETag string
			Size      int
		}
	}
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		if !strings.HasPrefix(key, prefix) || key <= after {
			continue
		}
		if len(out.Contents) == s.PageSize {
			out.IsTruncated, out.NextContinuationToken = true, out.Contents[s.PageSize-1].Key
			break
		}
		sum := md5.Sum(objects[key])
		out.Contents = append(out.Contents, struct {
			Key, ETag string
			Size      int
		}{key, `"` + hex.EncodeToString(sum[:]) + `"`, len(objects[key])})
	}
	_ = xml.NewEncoder(w).Encode(out)
}

func s3Error(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}
