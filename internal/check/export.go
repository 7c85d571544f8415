// Package check says what is wrong with an export of a table that is in files:
// of Stator or of DynamoDB.
package check

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// The files of an export. (Developer guide, "DynamoDB table export output
// format".)
const (
	summaryFile = "manifest-summary.json"
	filesFile   = "manifest-files.json"
)

// sumEnds are the ends of the names of files with the MD5 of a manifest, in the
// place of .json. The developer guide has the first; exports of the service have
// the second.
var sumEnds = []string{".checksum", ".md5"}

// Summary is what the manifest of an export says of it.
type Summary struct {
	ExportARN    string `json:"exportArn"`
	TableARN     string `json:"tableArn"`
	ExportTime   string `json:"exportTime"`
	ExportType   string `json:"exportType"` // FULL_EXPORT if empty
	OutputFormat string `json:"outputFormat"`
	ItemCount    int64  `json:"itemCount"`
	FilesKey     string `json:"manifestFilesS3Key"`

	Files []DataFile `json:"-"`
}

// DataFile is a file of an export.
type DataFile struct {
	ItemCount int64  `json:"itemCount"`
	MD5       string `json:"md5Checksum"` // base64
	Key       string `json:"dataFileS3Key"`

	Path string `json:"-"` // where it is on disk
	Size int64  `json:"-"` // there
}

// IsExport reports whether dir is the directory of an export, or of one that is
// not finished.
func IsExport(dir string) bool {
	for _, name := range []string{summaryFile, filesFile, "_started"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// Manifest reads the manifests of the export in dir.
func Manifest(dir string) (*Summary, error) {
	text, err := manifest(dir, summaryFile)
	if err != nil {
		return nil, err
	}
	s := new(Summary)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", filepath.Join(dir, summaryFile), err)
	}
	if text, err = manifest(dir, filesFile); err != nil {
		return nil, err
	}
	lines := json.NewDecoder(bytes.NewReader(text))
	for lines.More() {
		var f DataFile
		if err := lines.Decode(&f); err != nil {
			return nil, fmt.Errorf("%s is damaged: %w", filepath.Join(dir, filesFile), err)
		}
		if f.Path, err = s.locate(dir, f.Key); err != nil {
			return nil, err
		}
		if info, err := os.Stat(f.Path); err == nil {
			f.Size = info.Size()
		}
		s.Files = append(s.Files, f)
	}
	return s, nil
}

// manifest reads a manifest and compares it with its checksum.
func manifest(dir, name string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not a whole export: it has no %s", dir, name)
	}
	if err != nil {
		return nil, err
	}
	compared := false
	for _, end := range sumEnds {
		checksum := strings.TrimSuffix(name, ".json") + end
		want, err := os.ReadFile(filepath.Join(dir, checksum))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if sum := md5.Sum(text); !isSum(strings.TrimSpace(string(want)), sum[:]) {
			return nil, fmt.Errorf("%s is damaged: its MD5 is not what %s says", filepath.Join(dir, name), checksum)
		}
		compared = true
	}
	if !compared {
		return nil, fmt.Errorf("%s is not a whole export: it has no checksum of %s", dir, name)
	}
	return text, nil
}

// isSum reports whether text is sum, in one of the usual ways to write it.
func isSum(text string, sum []byte) bool {
	return text == base64.StdEncoding.EncodeToString(sum) || text == hex.EncodeToString(sum)
}

// locate returns where the object with a key is on disk: the manifest is in dir.
func (s *Summary) locate(dir, key string) (string, error) {
	below, err := filepath.Rel(filepath.FromSlash(path.Dir("/"+s.FilesKey)), filepath.FromSlash("/"+key))
	// An incremental export has its files beside its own directory.
	if err != nil || strings.HasPrefix(below, filepath.FromSlash("../../")) {
		return "", fmt.Errorf("%s has the object %q, which is not near the manifest", filepath.Join(dir, filesFile), key)
	}
	name := filepath.Join(dir, below)
	if _, err := os.Stat(name); err != nil && strings.HasPrefix(below, "..") { // or below it, where stator export puts them
		name = filepath.Join(dir, "data", filepath.Base(below))
	}
	return name, nil
}

// Export reads every file of the export in dir against the manifests: sums,
// compression, numbers of items. It calls found with what is wrong, a file each,
// and progress, unless it is nil, with the bytes read and those of all files.
func Export(ctx context.Context, dir string, found func(error), progress func(done, total int64)) (*Summary, error) {
	s, err := Manifest(dir)
	if err != nil {
		return nil, err
	}
	var total, done, items int64
	for _, f := range s.Files {
		total += f.Size
	}
	for _, f := range s.Files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := f.check(); err != nil {
			found(fmt.Errorf("%s is damaged: %w", f.Path, err))
		}
		items += f.ItemCount
		if done += f.Size; progress != nil {
			progress(done, total)
		}
	}
	if items != s.ItemCount {
		found(fmt.Errorf("%s is damaged: it says %d items, the files of %s have %d",
			filepath.Join(dir, summaryFile), s.ItemCount, filesFile, items))
	}
	return s, nil
}

// check reads a file.
func (f DataFile) check() error {
	file, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := md5.New()
	raw := io.TeeReader(file, sum)
	lines, err := countLines(f.Path, raw)
	if err == nil {
		_, err = io.Copy(io.Discard, raw) // what follows the compressed part
	}
	switch {
	case err != nil:
		return err
	case !isSum(f.MD5, sum.Sum(nil)):
		return errors.New("its MD5 is not what the manifest says")
	case lines != f.ItemCount:
		return fmt.Errorf("it has %d items, the manifest says %d", lines, f.ItemCount)
	}
	return nil
}

// countLines returns how many lines that are not empty there are in a file,
// compressed if its name says so.
func countLines(name string, r io.Reader) (lines int64, err error) {
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(r)
		if errors.Is(err, io.EOF) {
			return 0, nil // an empty file
		}
		if err != nil {
			return 0, err
		}
		r = z
	}
	b := bufio.NewReaderSize(r, 1<<16)
	for empty := true; ; {
		part, err := b.ReadSlice('\n')
		if len(bytes.TrimSpace(part)) > 0 {
			empty = false
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if !empty {
			lines++
		}
		if empty = true; errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
	}
}
