package audit

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// Wrap writes the lines of a file of the log, compressed or not, as one JSON
// object, {"Records": […]}, as CloudTrail's files are. A torn last line is left
// out.
func Wrap(to io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var from io.Reader = f
	if strings.HasSuffix(path, zipped) {
		if from, err = gzip.NewReader(f); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(to)
	if err := wrap(out, bufio.NewReader(from)); err != nil {
		return err
	}
	return out.Flush()
}

func wrap(out *bufio.Writer, from *bufio.Reader) error {
	out.WriteString(`{"Records":[`)
	for separator := "\n"; ; separator = ",\n" {
		line, err := from.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		out.WriteString(separator)
		out.Write(bytes.TrimSuffix(line, []byte("\n")))
	}
	_, err := out.WriteString("\n]}\n")
	return err
}
