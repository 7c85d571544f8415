package bucket

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

// s3Server answers the requests of S3 that the store makes, from memory. A bucket
// is there when it is in buckets.
type s3Server struct {
	*httptest.Server
	pageSize int // of listings
	breakAt  int // bytes of an object after which a connection breaks; 0: never
	mu       struct {
		sync.Mutex
		buckets map[string]map[string][]byte
		uploads map[string]map[int][]byte
		aborted int
		headers []http.Header // of requests that store an object
		largest int64         // body of a request
	}
}

func newS3Server(t *testing.T, buckets ...string) *s3Server {
	s := &s3Server{pageSize: 2}
	s.mu.buckets = map[string]map[string][]byte{}
	s.mu.uploads = map[string]map[int][]byte{}
	for _, b := range buckets {
		s.mu.buckets[b] = map[string][]byte{}
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *s3Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.largest = max(s.mu.largest, int64(len(body)))
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	objects, ok := s.mu.buckets[bucket]
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
		s.mu.headers = append(s.mu.headers, r.Header)
		id := fmt.Sprint("upload ", len(s.mu.uploads))
		s.mu.uploads[id] = map[int][]byte{}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Method == "POST":
		s.complete(w, objects, key, s.mu.uploads[q.Get("uploadId")], body)
	case r.Method == "DELETE":
		s.mu.aborted++
		delete(s.mu.uploads, q.Get("uploadId"))
		w.WriteHeader(204)
	case r.Method == "PUT":
		s.put(w, r, objects, key, body)
	}
}

func (s *s3Server) put(w http.ResponseWriter, r *http.Request, objects map[string][]byte, key string, body []byte) {
	sum := md5.Sum(body)
	if r.Header.Get("Content-MD5") != base64.StdEncoding.EncodeToString(sum[:]) {
		s3Error(w, 400, "BadDigest")
		return
	}
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	if id := r.URL.Query().Get("uploadId"); id != "" {
		n, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
		s.mu.uploads[id][n] = body
		return
	}
	s.mu.headers = append(s.mu.headers, r.Header)
	objects[key] = body
}

func (s *s3Server) complete(w http.ResponseWriter, objects map[string][]byte, key string, parts map[int][]byte, body []byte) {
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

func (s *s3Server) get(w http.ResponseWriter, r *http.Request, objects map[string][]byte, key string) {
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
	if s.breakAt > 0 && len(content) > s.breakAt {
		_, _ = w.Write(content[:s.breakAt])
		panic(http.ErrAbortHandler)
	}
	_, _ = io.Copy(w, bytes.NewReader(content))
}

func (s *s3Server) list(w http.ResponseWriter, objects map[string][]byte, prefix, after string) {
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
		if len(out.Contents) == s.pageSize {
			out.IsTruncated, out.NextContinuationToken = true, out.Contents[s.pageSize-1].Key
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
