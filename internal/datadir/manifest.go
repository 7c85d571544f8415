package datadir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	manifestFile  = "MANIFEST"
	manifestFirst = "stator backup 1"
)

// Manifest says what a backup of a data directory consists of. It is text: a
// line that says what it is, one with the time, one for each file with its
// SHA-256, size in bytes and path, and one with the SHA-256 of the lines before.
// It is written last: a backup without it is not whole.
type Manifest struct {
	Created time.Time
	Files   []File
}

// File is a file of a backup. Its path is below the backup, with slashes.
type File struct {
	Path string
	Size int64
	Sum  [sha256.Size]byte // SHA-256
}

// Bytes returns the size of the backup: of all files, one that is there under
// several names once.
func (m *Manifest) Bytes() (n int64) {
	seen := map[[sha256.Size]byte]bool{}
	for _, f := range m.Files {
		if !seen[f.Sum] || !neverChanges(f.Path) {
			n += f.Size
		}
		seen[f.Sum] = true
	}
	return n
}

func (m *Manifest) encode() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\ncreated %s\n", manifestFirst, m.Created.UTC().Format(time.RFC3339))
	for _, f := range m.Files {
		fmt.Fprintf(&b, "%x %d %s\n", f.Sum, f.Size, f.Path)
	}
	fmt.Fprintf(&b, "sha256 %x\n", sha256.Sum256(b.Bytes()))
	return b.Bytes()
}

// ReadManifest reads the manifest of the backup in dir. Its errors are lines
// that say what to do.
func ReadManifest(dir string) (*Manifest, error) {
	name := filepath.Join(dir, manifestFile)
	text, err := os.ReadFile(name)
	if _, absent := os.Stat(dir); errors.Is(absent, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist: give the directory of a backup", dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not a whole backup: it has no file %s, which is written last; make another one", dir, manifestFile)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, err)
	}
	m, err := decodeManifest(text)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", name, err)
	}
	return m, nil
}

func decodeManifest(text []byte) (*Manifest, error) {
	const lastLen = len("sha256 ") + 2*sha256.Size + len("\n")
	if len(text) < lastLen {
		return nil, errors.New("it is cut short")
	}
	head := text[:len(text)-lastLen]
	if want := fmt.Sprintf("sha256 %x\n", sha256.Sum256(head)); want != string(text[len(head):]) {
		return nil, errors.New("its last line is not the SHA-256 of those before")
	}
	lines := strings.Split(strings.TrimSuffix(string(head), "\n"), "\n")
	if lines[0] != manifestFirst || len(lines) < 2 {
		return nil, fmt.Errorf("its first line is not %q", manifestFirst)
	}
	m := &Manifest{}
	var err error
	if m.Created, err = time.Parse("created "+time.RFC3339, lines[1]); err != nil {
		return nil, errors.New("it does not say when it was created")
	}
	for _, line := range lines[2:] {
		f, err := decodeFile(line)
		if err != nil {
			return nil, err
		}
		m.Files = append(m.Files, f)
	}
	return m, nil
}

func decodeFile(line string) (f File, err error) {
	var sum []byte
	_, err = fmt.Sscanf(line, "%x %d %s", &sum, &f.Size, &f.Path)
	if err != nil || hex.DecodedLen(2*len(f.Sum)) != copy(f.Sum[:], sum) || !filepath.IsLocal(filepath.FromSlash(f.Path)) {
		return f, fmt.Errorf("the line %q does not name a file", line)
	}
	return f, nil
}
