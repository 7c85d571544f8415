package itemfile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// lines reads lines of at most maxRecord bytes.
type lines struct {
	r    *bufio.Reader
	long []byte // of a line that is longer than r's buffer
	used bool   // a line was read
}

// bufferBytes is what is read at a time; lines within it are not copied.
const bufferBytes = 256 << 10

func newLines(from io.Reader) *lines { return &lines{r: bufio.NewReaderSize(from, bufferBytes)} }

// next returns the next line without the newline, valid until the next call; errLong
// for one that is too long, which it skips; io.EOF at the end.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.nextLong(line)
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		return nil, err
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	if !l.used {
		l.used = true
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")) // a byte order mark
	}
	return line, nil
}

// nextLong reads the rest of the line that begins with start.
func (l *lines) nextLong(start []byte) ([]byte, error) {
	if cap(l.long) > 4*bufferBytes {
		l.long = nil // lines as long as the last one may never come again
	}
	l.long = append(l.long[:0], start...)
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.long)+len(part) > maxRecord {
			return nil, l.skip(err)
		}
		l.long = append(l.long, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return l.long, err
		}
	}
}

// skip reads to the end of the line; err is that of the read before.
func (l *lines) skip(err error) error {
	l.used = true
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = l.r.ReadSlice('\n')
	}
	if err == nil || errors.Is(err, io.EOF) {
		return errLong
	}
	return err
}
