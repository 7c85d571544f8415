package check_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/statordb/stator/internal/check"
)

func sum(b []byte) string {
	s := md5.Sum(b)
	return base64.StdEncoding.EncodeToString(s[:])
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// export makes an export of three items in two files, and an empty one, and
// returns its directory. data is where its files are, seen from there, and sums the
// end of the names of its checksums.
func export(t *testing.T, data, sums string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "p", "AWSDynamoDB", "01-a")
	write := func(name string, content []byte) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var files strings.Builder
	for i, text := range []string{
		`{"Item":{"pk":{"S":"a"}}}` + "\n" + `{"Item":{"pk":{"S":"` + strings.Repeat("long ", 20_000) + `"}}}` + "\n",
		`{"Item":{"pk":{"S":"c"}}}` + "\n", "",
	} {
		name, content := fmt.Sprintf("%s/f%d.json.gz", data, i), zipped(t, text)
		write(name, content)
		fmt.Fprintf(&files, `{"itemCount":%d,"md5Checksum":%q,"etag":"x","dataFileS3Key":%q}`+"\n",
			strings.Count(text, "\n"), sum(content), filepath.ToSlash(filepath.Join("p/AWSDynamoDB/01-a", name)))
	}
	summary := `{"version":"2020-06-30","manifestFilesS3Key":"p/AWSDynamoDB/01-a/manifest-files.json","itemCount":3,"outputFormat":"DYNAMODB_JSON"}`
	for name, text := range map[string]string{"manifest-summary": summary, "manifest-files": files.String()} {
		write(name+".json", []byte(text))
		write(name+sums, []byte(sum([]byte(text))))
	}
	write("_started", nil)
	return dir
}

// findings returns what is wrong with the export in dir.
func findings(dir string) (found []error) {
	_, err := check.Export(context.Background(), dir, func(err error) { found = append(found, err) }, nil)
	if err != nil {
		found = append(found, err)
	}
	return found
}

func TestSound(t *testing.T) {
	for _, data := range []string{"data", "../data"} { // full, incremental
		for _, sums := range []string{".checksum", ".md5"} {
			dir := export(t, data, sums)
			if found := findings(dir); found != nil || !check.IsExport(dir) {
				t.Errorf("files in %s, sums in %s: %v", data, sums, found)
			}
		}
	}
}

// TestFlippedBits flips the bits of every file of an export in turn.
func TestFlippedBits(t *testing.T) {
	for _, sums := range []string{".checksum", ".md5"} {
		flipBits(t, export(t, "data", sums))
	}
}

func flipBits(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for bit := 0; bit < 8*len(text) && err == nil; bit += 3 {
			text[bit/8] ^= 1 << (bit % 8)
			if err := os.WriteFile(path, text, 0o600); err != nil {
				return err
			}
			if findings(dir) == nil {
				t.Errorf("bit %d of %s is flipped, and nothing is found", bit, e.Name())
			}
			text[bit/8] ^= 1 << (bit % 8)
			err = os.WriteFile(path, text, 0o600)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if found := findings(dir); found != nil {
		t.Errorf("with every bit as it was: %v", found)
	}
}

// TestFinds what a checksum alone does not show.
func TestFinds(t *testing.T) {
	for want, damage := range map[string]func(dir string) error{
		"is not a whole export": func(dir string) error { return os.Remove(filepath.Join(dir, "manifest-summary.json")) },
		"has no checksum of manifest-files.json": func(dir string) error {
			return os.Remove(filepath.Join(dir, "manifest-files.checksum"))
		},
		"no such file": func(dir string) error { return os.Remove(filepath.Join(dir, "data", "f1.json.gz")) },
		"the files of manifest-files.json have 3": func(dir string) error {
			return rewrite(filepath.Join(dir, "manifest-summary"), `"itemCount":3`, `"itemCount":4`)
		},
		"has 1 items, the manifest says 0": func(dir string) error {
			return rewrite(filepath.Join(dir, "manifest-files"), `"itemCount":1`, `"itemCount":0`)
		},
		"not near the manifest": func(dir string) error {
			return rewrite(filepath.Join(dir, "manifest-files"), `p/AWSDynamoDB/01-a/data/f0`, `../../etc/f0`)
		},
	} {
		dir := export(t, "data", ".checksum")
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		if found := fmt.Sprint(findings(dir)); !strings.Contains(found, want) {
			t.Errorf("found %s, want %q", found, want)
		}
	}
}

// rewrite changes a manifest and its checksum.
func rewrite(name, old, text string) error {
	manifest, err := os.ReadFile(name + ".json")
	if err != nil {
		return err
	}
	manifest = []byte(strings.Replace(string(manifest), old, text, 1))
	if err := os.WriteFile(name+".json", manifest, 0o600); err != nil {
		return err
	}
	return os.WriteFile(name+".checksum", []byte(sum(manifest)), 0o600)
}
