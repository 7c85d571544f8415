package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const (
	tick     = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	stopTime = 15 * time.Second      // how long a process may take to end
)

// cpuTime returns the processor time that a process has used, in steps of
// 10 ms; ok is false where that cannot be known: off Linux, or no such process.
func cpuTime(pid int) (used time.Duration, ok bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The name, in parentheses, may contain anything. Behind it, utime and
	// stime are the twelfth and thirteenth field (proc_pid_stat(5)).
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * tick, err1 == nil && err2 == nil
}

// residentBytes returns the resident memory of a process; ok is as cpuTime's.
func residentBytes(pid int) (size int64, ok bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib << 10, err == nil
		}
	}
	return 0, false
}

// Process is a server that runs as a child process.
type Process struct {
	URL     string
	started time.Time
	cmd     *exec.Cmd
	dir     string // removed when it has stopped
	ended   chan error
}

// StartServer starts this program's serve command on a free port. It keeps
// its data in a new directory inside dir (the default for temporary files if
// empty), or in memory; flags are further ones. The caller owes Stop.
func StartServer(dir string, inMemory bool, flags ...string) (*Process, error) {
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--log-level", "WARN"}, flags...)
	if inMemory {
		return start(append(args, "--in-memory"))
	}
	data, err := os.MkdirTemp(dir, "stator-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a data directory: %w", err)
	}
	p, err := start(append(args, "--data", data))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(data))
	}
	p.dir = data
	return p, nil
}

// start runs this program with args, which make it print a line with its URL.
func start(args []string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	p := &Process{cmd: exec.Command(self, args...), ended: make(chan error, 1)}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	p.started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	lines := bufio.NewReader(out)
	p.URL, err = readURL(lines)
	go func() {
		_, _ = io.Copy(io.Discard, lines) // ends with the process
		p.ended <- p.cmd.Wait()
	}()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", args[0], err), p.Stop())
	}
	return p, nil
}

// readURL returns the URL in the first line.
func readURL(lines *bufio.Reader) (string, error) {
	line, err := lines.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("it has not printed its URL: %w", err)
	}
	for word := range strings.FieldsSeq(line) {
		if strings.HasPrefix(word, "http://") {
			return strings.TrimRight(word, ",."), nil
		}
	}
	return "", fmt.Errorf("no URL in %q", line)
}

// PID returns the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// interrupt asks the process to end, or ends it where one cannot ask.
func (p *Process) interrupt() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err == nil || errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.cmd.Process.Kill()
}

// Stop ends the process and removes its data.
func (p *Process) Stop() error {
	_ = p.interrupt() // it may have ended
	var err error
	select {
	case err = <-p.ended:
	case <-time.After(stopTime):
		err = errors.Join(errors.New("it did not stop when asked"), p.cmd.Process.Kill(), <-p.ended)
	}
	if p.dir != "" {
		err = errors.Join(err, os.RemoveAll(p.dir))
	}
	if err != nil {
		return fmt.Errorf("stop %s: %w", p.cmd.Args[1], err)
	}
	return nil
}
