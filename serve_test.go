package stator_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator/internal/patience"
)

// The tests here run the command as its users do: as a process.

// binary builds the command once and returns its path.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "stator-test")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "stator")
	out, err := exec.Command("go", "build", "-o", name, "./cmd/stator").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return name, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if name, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(name))
	}
	os.Exit(status)
}

// command returns the command with the arguments and, of STATOR_ variables,
// only those given as NAME=VALUE.
func command(t testing.TB, variables []string, args ...string) *exec.Cmd {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(name, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "STATOR_") {
			c.Env = append(c.Env, v)
		}
	}
	c.Env = append(c.Env, variables...)
	c.Dir = t.TempDir()
	return c
}

// process is a running server.
type process struct {
	testing.TB
	cmd    *exec.Cmd
	url    string
	where  string // the data is, and what it is protected with
	stderr bytes.Buffer
	rest   chan string // what it printed after its first line, once it ended
	ended  chan error
}

// started matches the first line of a server.
var started = regexp.MustCompile(`^stator serves DynamoDB at (https?://127\.0\.0\.1:\d+), data in (.+)\n$`)

// startProcess runs the command and waits until it serves.
func startProcess(t testing.TB, variables []string, args ...string) *process {
	t.Helper()
	p := &process{TB: t, cmd: command(t, variables, args...), rest: make(chan string, 1), ended: make(chan error, 1)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(patience.Limit, func() { _ = p.cmd.Process.Kill() })
	t.Cleanup(func() {
		watchdog.Stop()
		_ = p.cmd.Process.Kill() // does nothing if it has ended
		<-p.ended
	})
	lines := bufio.NewReader(out)
	first, _ := lines.ReadString('\n')
	go func() {
		rest, _ := io.ReadAll(lines)
		p.rest <- string(rest)
		p.ended <- p.cmd.Wait()
		close(p.ended)
	}()
	found := started.FindStringSubmatch(first)
	if found == nil {
		t.Fatalf("the server printed %q, and on standard error: %s", first, p.wait())
	}
	p.url, p.where = found[1], found[2]
	return p
}

// wait waits for the end and returns what was on standard error.
func (p *process) wait() string {
	p.Helper()
	<-p.ended
	return p.stderr.String()
}

// terminate sends SIGTERM and checks that the process ends without error.
func (p *process) terminate() {
	p.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
	if err := <-p.ended; err != nil {
		p.Errorf("after SIGTERM: %v, standard error: %s", err, p.stderr.String())
	}
}

// serve runs a server on a free port with its data in dir.
func serve(t testing.TB, dir string, args ...string) *process {
	t.Helper()
	return startProcess(t, nil, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", dir}, args...)...)
}

// answer is what a server sent back.
type answer struct {
	status int
	header http.Header
	body   string
}

// send sends a request and returns the answer.
func (p *process) send(method, path string, header map[string]string, body string) answer {
	p.Helper()
	req, err := http.NewRequestWithContext(p.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		p.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(got)}
}

// call sends a request of the protocol.
func (p *process) call(operation, body string) answer {
	p.Helper()
	return p.send("POST", "/", map[string]string{
		"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810." + operation,
	}, body)
}

const createThings = `{"TableName":"Things","BillingMode":"PAY_PER_REQUEST",
	"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]}`

// mustCall is call for what has to succeed.
func (p *process) mustCall(operation, body string) string {
	p.Helper()
	got := p.call(operation, body)
	if got.status != http.StatusOK {
		p.Fatalf("%s: %d %s", operation, got.status, got.body)
	}
	return got.body
}

func TestServeDrains(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	p := serve(t, dir)
	p.mustCall("CreateTable", createThings)
	// A request whose head is read before the signal and its body after it.
	body := `{"TableName":"Things","Item":{"id":{"S":"slow"}}}`
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"+
		"X-Amz-Target: DynamoDB_20120810.PutItem\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("the server does not ask for the body: %q %v", line, err)
	}
	if _, err := answers.ReadString('\n'); err != nil { // the empty line
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitRefused(t, conn.RemoteAddr().String())
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatalf("the request that was running: %v", err)
	}
	res.Body.Close()
	equal(t, "status of the request that was running", res.StatusCode, http.StatusOK)
	if err := <-p.ended; err != nil {
		t.Errorf("after SIGTERM: %v, standard error: %s", err, p.stderr.String())
	}

	p = serve(t, dir)
	equal(t, "after a restart", p.mustCall("GetItem", `{"TableName":"Things","Key":{"id":{"S":"slow"}}}`), `{"Item":{"id":{"S":"slow"}}}`)
	p.terminate()
}

// waitRefused waits until nothing listens at address.
func waitRefused(t *testing.T, address string) {
	t.Helper()
	patience.Until(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, "nobody listens at "+address)
}

// TestServeRefuses checks that what cannot work ends with one line that says
// what to do.
func TestServeRefuses(t *testing.T) {
	running := serve(t, filepath.Join(t.TempDir(), "data"))
	taken := strings.TrimPrefix(running.url, "http://")
	open := running.cmd.Args[len(running.cmd.Args)-1]

	foreign := t.TempDir()
	writeFile(t, filepath.Join(foreign, "letter.txt"), "Dear all")
	newer := t.TempDir()
	writeFile(t, filepath.Join(newer, "FORMAT"), "stator 999\n")
	headless := t.TempDir()
	if err := os.Mkdir(filepath.Join(headless, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	closed, why := unwritable(t)
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")

	free := []string{"serve", "--listen", "127.0.0.1:0", "--data"}
	for _, test := range []struct {
		name      string
		variables []string
		args      []string
		want      string
	}{
		{"port in use", nil, []string{"serve", "--listen", taken, "--in-memory"},
			"address " + taken + " is in use: stop what listens there, or choose another --listen"},
		{"data open", nil, append(free, open),
			open + " is already open in another process: stop that one, or give this one another directory"},
		{"foreign directory", nil, append(free, foreign),
			foreign + " is not a Stator directory (it holds letter.txt and no FORMAT file): give an empty or a new directory"},
		{"newer format", nil, append(free, newer),
			newer + " was made by a newer Stator (format 999; this one reads up to 1): start that version or a later one"},
		{"file", nil, append(free, file), file + " is a file: give a directory"},
		{"not writable", nil, append(free, filepath.Join(closed, "data")),
			"cannot write in " + closed + " (" + why + "): let the user that runs Stator write there, or give another directory"},
		{"not loopback", nil, []string{"serve", "--listen", "0.0.0.0:0", "--in-memory"},
			`--listen "0.0.0.0:0" is not loopback and requests are not authenticated: listen on 127.0.0.1, authenticate with --auth=iam, or allow it with --allow-unauthenticated`},
		{"every interface", nil, []string{"serve", "--listen", ":0", "--in-memory"},
			`--listen ":0" is not loopback and requests are not authenticated: listen on 127.0.0.1, authenticate with --auth=iam, or allow it with --allow-unauthenticated`},
		{"no port", nil, []string{"serve", "--listen", "127.0.0.1", "--in-memory"},
			`--listen "127.0.0.1": use host:port, like 127.0.0.1:8000`},
		{"account", nil, []string{"serve", "--account", "me", "--in-memory"}, `--account "me": use twelve digits`},
		{"region", nil, []string{"serve", "--region", "US East", "--in-memory"}, `--region "US East": use a name like us-east-1`},
		{"dialect", nil, []string{"serve", "--dialect", "latin", "--in-memory"}, `--dialect "latin": use 2026-05, or none for today's`},
		{"contradiction", nil, []string{"serve", "--in-memory", "--data", "here"}, "--data says where data is kept, --in-memory that it is not: leave out one"},
		{"contradicting variable", []string{"STATOR_DATA=here"}, []string{"serve", "--in-memory"}, "--data says where data is kept, --in-memory that it is not: leave out one"},
		{"no format", nil, append(free, headless), headless + " holds data, but its FORMAT file is missing: put that file back from a copy of the directory, or give another directory"},
		{"variable", []string{"STATOR_CACHE_BYTES=plenty"}, []string{"serve", "--in-memory"},
			`STATOR_CACHE_BYTES="plenty": give a number of bytes, or one with a unit, like 256MiB or 1GB`},
		{"log level", []string{"STATOR_LOG_LEVEL=LOUD"}, []string{"serve", "--in-memory"},
			`STATOR_LOG_LEVEL="LOUD": slog: level string "LOUD": unknown name`},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, status := fails(t, test.variables, test.args...)
			equal(t, "standard error", out, "stator: "+test.want+"\n")
			equal(t, "exit status", status, 1)
		})
	}
	if entries, err := os.ReadDir(foreign); err != nil || len(entries) != 1 {
		t.Errorf("the foreign directory was touched: %v %v", entries, err)
	}
	running.terminate()
}

// TestServeMisused checks that a command line that cannot be read ends with
// one line and a status of its own.
func TestServeMisused(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown flag", []string{"serve", "--prot", "1"}, "flag provided but not defined: --prot; stator serve --help lists the flags"},
		{"bad size", []string{"serve", "--cache-bytes", "many"}, `invalid value "many" for flag --cache-bytes: give a number of bytes, or one with a unit, like 256MiB or 1GB; stator serve --help lists the flags`},
		{"bad duration", []string{"serve", "--ttl-delay", "5"}, `invalid value "5" for flag --ttl-delay: give a number and its unit, like 90s, 5m or 48h; stator serve --help lists the flags`},
		{"bad number", []string{"bench", "--clients", "5x"}, `invalid value "5x" for flag --clients: give a whole number; stator bench --help lists the flags`},
		{"bad bool", []string{"serve", "--admin=maybe"}, `invalid boolean value "maybe" for --admin: give true or false; stator serve --help lists the flags`},
		{"bad endpoint", []string{"trigger", "list", "--endpoint", "127.0.0.1:8000"}, `invalid value "127.0.0.1:8000" for flag --endpoint: give a URL, like http://127.0.0.1:8000; stator trigger list --help lists the flags`},
		{"no value", []string{"serve", "--data"}, "flag needs an argument: --data; stator serve --help lists the flags"},
		{"argument", []string{"serve", "data"}, `stator serve takes no argument "data"; flags begin with --`},
		{"unknown command", []string{"sevre"}, `there is no command "sevre"; stator --help lists them`},
		{"no command", nil, "give a command; stator --help lists them"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, status := fails(t, nil, test.args...)
			equal(t, "standard error", out, "stator: "+test.want+"\n")
			equal(t, "exit status", status, 2)
		})
	}
}

// TestHelp checks that help is no error and goes to standard output.
func TestHelp(t *testing.T) {
	for want, args := range map[string][]string{
		"\n  serve    serve DynamoDB's API\n":                               {"--help"},
		"\n  version  print the version\n":                                  {"help"},
		"\n  --listen string, or STATOR_LISTEN; 127.0.0.1:8000 if absent\n": {"serve", "--help"},
		"\n  --clients int, or STATOR_CLIENTS; 32 if absent\n":              {"bench", "-h"},
	} {
		out, err := command(t, nil, args...).Output()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
}

// unwritable returns a directory in which this user cannot make another, and
// what the system says when it tries.
func unwritable(t *testing.T) (dir, why string) {
	t.Helper()
	dir = t.TempDir()
	if os.Geteuid() == 0 { // may write wherever there is a file system to write to
		dir = "/proc"
	} else if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	err := os.Mkdir(filepath.Join(dir, "data"), 0o700)
	if pathError := (*os.PathError)(nil); errors.As(err, &pathError) {
		return dir, pathError.Err.Error()
	}
	t.Fatalf("a directory was made in %s: %v", dir, err)
	return "", ""
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fails runs a command that has to fail and returns its standard error and
// exit status.
func fails(t *testing.T, variables []string, args ...string) (string, int) {
	t.Helper()
	c := command(t, variables, args...)
	var out, stderr bytes.Buffer
	c.Stdout, c.Stderr = &out, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(patience.Limit, func() { _ = c.Process.Kill() })
	defer watchdog.Stop()
	if err := c.Wait(); err == nil {
		t.Fatalf("succeeded, and printed: %s%s", out.String(), stderr.String())
	}
	equal(t, "standard output", out.String(), "")
	return stderr.String(), c.ProcessState.ExitCode()
}

func TestServeVariables(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	variables := []string{
		"STATOR_LISTEN=127.0.0.1:0", "STATOR_REGION=eu-west-2", "STATOR_ACCOUNT=000000000042",
		"STATOR_CACHE_BYTES=1048576", "STATOR_LOG_LEVEL=WARN",
	}
	p := startProcess(t, append(variables, "STATOR_DATA="+dir), "serve")
	equal(t, "health", p.send("GET", "/", nil, "").body, "healthy: dynamodb.eu-west-2.amazonaws.com ")
	if got := p.mustCall("CreateTable", createThings); !strings.Contains(got, `"arn:aws:dynamodb:eu-west-2:000000000042:table/Things"`) {
		t.Errorf("CreateTable: %s", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "FORMAT")); err != nil {
		t.Error(err)
	}
	p.terminate()
	equal(t, "standard error at WARN", p.stderr.String(), "")

	// A flag wins over its variable.
	p = startProcess(t, append(variables, "STATOR_IN_MEMORY=true"), "serve", "--region", "ap-south-1")
	equal(t, "health", p.send("GET", "/", nil, "").body, "healthy: dynamodb.ap-south-1.amazonaws.com ")
	equal(t, "tables in memory", p.mustCall("ListTables", "{}"), `{"TableNames":[]}`)
	p.terminate()
}

func TestServeFrontDoor(t *testing.T) {
	p := serve(t, filepath.Join(t.TempDir(), "data"))
	p.mustCall("CreateTable", createThings)

	health := p.send("GET", "/", nil, "")
	equal(t, "health", health.status, http.StatusOK)
	equal(t, "health text", health.body, "healthy: dynamodb.us-east-1.amazonaws.com ")

	preflight := p.send("OPTIONS", "/", map[string]string{
		"Origin": "https://app.example", "Access-Control-Request-Method": "POST",
		"Access-Control-Request-Headers": "x-amz-target,content-type",
	}, "")
	equal(t, "preflight", preflight.status, http.StatusOK)
	equal(t, "origin", preflight.header.Get("Access-Control-Allow-Origin"), "*")
	equal(t, "headers", preflight.header.Get("Access-Control-Allow-Headers"), "x-amz-target,content-type")
	if methods := preflight.header.Get("Access-Control-Allow-Methods"); !strings.Contains(methods, "POST") {
		t.Errorf("methods: %q", methods)
	}

	for _, wrong := range []answer{
		p.send("GET", "/nowhere", nil, ""), p.send("PUT", "/", nil, "{}"),
		p.send("POST", "/", map[string]string{"Content-Type": "text/html", "X-Amz-Target": "DynamoDB_20120810.ListTables"}, "{}"),
	} {
		equal(t, "status", wrong.status, http.StatusNotFound)
		equal(t, "body", wrong.body, "<UnknownOperationException/>\n")
	}
}

var requestID = regexp.MustCompile(`^[A-Z0-9]{52}$`)

func TestServeAnswerHeaders(t *testing.T) {
	p := serve(t, filepath.Join(t.TempDir(), "data"))
	ids := map[string]bool{}
	for _, got := range []answer{
		p.call("CreateTable", createThings), p.call("ListTables", "{}"), p.call("ListTables", "nonsense"), p.call("NoSuch", "{}"),
		p.call("PutItem", `{"TableName":"Things","Item":{"id":{"S":"é☃"}}}`), p.call("Scan", `{"TableName":"Things"}`),
	} {
		equal(t, "crc of "+got.body, got.header.Get("X-Amz-Crc32"), strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(got.body))), 10))
		equal(t, "type", got.header.Get("Content-Type"), "application/x-amz-json-1.0")
		id := got.header.Get("X-Amzn-Requestid")
		if !requestID.MatchString(id) || ids[id] {
			t.Errorf("request id %q", id)
		}
		ids[id] = true
	}
}

// TestServeMetrics asks for the metrics after requests for operations that do
// not exist, whose names come from the client.
func TestServeMetrics(t *testing.T) {
	p := serve(t, filepath.Join(t.TempDir(), "data"))
	p.mustCall("CreateTable", createThings)
	p.call("PutItem", `{"TableName":"Nothing","Item":{"id":{"S":"a"}}}`)
	for _, name := range []string{"DescribeTable", "GetItem", "Scan", "DeleteItem", "Invented", "Query", "Batch"} {
		p.call(name, `{"TableName":"Nothing","Key":{"id":{"S":"a"}}}`)
		p.call(name, `]`)
	}
	for range 2 {
		p.call("DescribeContributorInsights", "{}")
	}
	p.send("GET", "/nowhere", nil, "")
	p.send("POST", "/", map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Long": strings.Repeat("x", 17<<10)}, "{}")
	got := p.send("GET", "/metrics", nil, "")
	if got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for _, want := range []string{
		`stator_successful_request_latency_seconds_count{operation="CreateTable"} 1`,
		`stator_request_errors_total{code="ResourceNotFoundException",operation="PutItem"} 1`,
		`stator_request_errors_total{code="ResourceNotFoundException",operation="GetItem"} 1`,
		`stator_request_errors_total{code="SerializationException",operation="Scan"} 1`,
		`stator_request_errors_total{code="UnknownOperationException",operation="unknown"} 3`, // one of them below
		`stator_request_errors_total{code="UnknownOperationException",operation="DescribeContributorInsights"} 2`,
		`stator_request_errors_total{code="SerializationException",operation="unknown"} 3`,
		"stator_store_disk_bytes ", "stator_store_commits_total ", "go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	p.terminate()
	equal(t, "warnings", strings.Count(p.stderr.String(), "level=WARN"), 1)
	if want := `level=WARN msg="a client uses an operation that this version does not have" operation=DescribeContributorInsights`; !strings.Contains(p.stderr.String(), want) {
		t.Errorf("the log lacks %s", want)
	}
}

// TestServeDebugLog: at DEBUG every request is logged, without values.
func TestServeDebugLog(t *testing.T) {
	p := serve(t, filepath.Join(t.TempDir(), "data"), "--log-level", "DEBUG")
	p.mustCall("CreateTable", createThings)
	p.mustCall("PutItem", `{"Item":{"id":{"S":"secret"}},"TableName":"Things"}`)
	id := p.call("PutItem", `{"TableName":"Nothing","Item":{"id":{"S":"secret"}}}`).header.Get("X-Amzn-Requestid")
	p.call("ListTables", `]`)
	p.terminate()
	for _, want := range []string{
		"msg=request operation=CreateTable table=Things status=200 code=\"\" took=",
		"msg=request operation=PutItem table=Things status=200 code=\"\" took=",
		"msg=request operation=PutItem table=Nothing status=400 code=ResourceNotFoundException took=",
		"msg=request operation=ListTables table=\"\" status=400 code=SerializationException took=",
		" request_id=" + id + "\n",
	} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	equal(t, "values logged", strings.Contains(p.stderr.String(), "secret"), false)
}

// nested returns an item whose value is a list in a list, and so on.
func nested(levels int) string {
	return `{"TableName":"Things","Item":{"id":{"S":"a"},"v":` +
		strings.Repeat(`{"L":[`, levels) + `{"N":"1"}` + strings.Repeat(`]}`, levels) + `}}`
}

// TestServeBadBodies sends what no SDK sends: each gets an error of DynamoDB,
// and the server goes on.
func TestServeBadBodies(t *testing.T) {
	p := serve(t, filepath.Join(t.TempDir(), "data"))
	p.mustCall("CreateTable", createThings)
	const serialization, validation = "com.amazon.coral.service#SerializationException", "com.amazon.coral.validate#ValidationException"
	put := `{"TableName":"Things","Item":{"id":{"S":"a"},"v":{"S":"text"}}}`
	for _, test := range []struct{ name, operation, body, want string }{
		{"empty", "PutItem", "", serialization},
		{"garbage", "PutItem", "\x00\xff\xfe garbage", serialization},
		{"list", "PutItem", "[]", serialization},
		{"null", "PutItem", "null", serialization},
		{"number for a string", "PutItem", `{"TableName":7}`, serialization},
		{"number for a number", "PutItem", `{"TableName":"Things","Item":{"id":{"N":1}}}`, serialization},
		{"bad base64", "PutItem", `{"TableName":"Things","Item":{"id":{"S":"a"},"b":{"B":"abc"}}}`, serialization},
		{"bad escape", "PutItem", `{"TableName":"\x"}`, serialization},
		{"brackets", "PutItem", strings.Repeat("[", 1<<20), serialization},
		{"braces", "PutItem", strings.Repeat(`{"a":`, 1<<20), serialization},
		{"33 levels", "PutItem", nested(33), validation},
		{"a hundred levels", "PutItem", nested(100), validation},
		{"a thousand levels", "PutItem", nested(1000), serialization}, // the scanner's own bound
		{"two types", "PutItem", `{"TableName":"Things","Item":{"id":{"S":"a","N":"1"}}}`, validation},
		{"no type", "PutItem", `{"TableName":"Things","Item":{"id":{}}}`, validation},
		{"unknown operation", "Nonsense", "{}", "com.amazon.coral.service#UnknownOperationException"},
		{"no table", "PutItem", "{}", validation},
	} {
		t.Run(test.name, func(t *testing.T) { checkError(t, p.call(test.operation, test.body), test.want) })
	}
	for i := range put {
		checkError(t, p.call("PutItem", put[:i]), serialization)
	}
	checkError(t, p.call("PutItem", put+"x"), serialization)
	p.terminate()
	equal(t, "errors logged", strings.Contains(p.stderr.String(), "level=ERROR"), false)
}

func checkError(t *testing.T, got answer, want string) {
	t.Helper()
	var e struct {
		Type string `json:"__type"`
	}
	if err := json.Unmarshal([]byte(got.body), &e); err != nil {
		t.Errorf("%v in %q", err, got.body)
		return
	}
	equal(t, "status", got.status, http.StatusBadRequest)
	equal(t, "error", e.Type, want)
}

func TestServeBodyLimit(t *testing.T) {
	p := serve(t, filepath.Join(t.TempDir(), "data"))
	p.mustCall("CreateTable", createThings)
	const limit = 16 << 20
	spaces := func(n int) string { return "{}" + strings.Repeat(" ", n-2) }
	equal(t, "16 MB", p.call("ListTables", spaces(limit)).status, http.StatusOK)

	// The server answers before it has the whole body, so that only the
	// beginning is sent of one that is too large.
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"+
		"X-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Length: %d\r\n\r\n%s", limit+1, spaces(8<<10))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	equal(t, "one byte more", res.StatusCode, http.StatusRequestEntityTooLarge)

	long := p.send("POST", "/", map[string]string{"Content-Type": "application/x-amz-json-1.0", "X-Long": strings.Repeat("x", 17<<10)}, "{}")
	equal(t, "long header", long.status, http.StatusBadRequest)
	equal(t, "afterwards", p.call("ListTables", "{}").status, http.StatusOK)
}

// TestServeKilled kills the process in the middle of writes and checks that
// every write that was acknowledged is there.
func TestServeKilled(t *testing.T) {
	const writers, enough = 8, 25
	dir := filepath.Join(t.TempDir(), "data")
	p := serve(t, dir)
	p.mustCall("CreateTable", createThings)
	client := newClientWith(p.url, func(o *dynamodb.Options) { o.RetryMaxAttempts = 1 })
	acknowledged := make([]int, writers)
	var all, ready sync.WaitGroup
	ready.Add(writers)
	for w := range writers {
		all.Go(func() {
			for n := 0; ; n++ {
				if n == enough {
					ready.Done()
				}
				_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{
					TableName: aws.String("Things"), Item: item{"id": str(fmt.Sprintf("%d-%d", w, n)), "n": num(n)},
				})
				if err != nil {
					if n < enough {
						t.Errorf("before the kill: %v", err)
						ready.Done()
					}
					return
				}
				acknowledged[w] = n + 1
			}
		})
	}
	ready.Wait()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	<-p.ended

	p = serve(t, dir)
	client = newClient(p.url)
	total := 0
	for w, count := range acknowledged {
		for n := range count {
			out, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{
				TableName: aws.String("Things"), Key: map[string]types.AttributeValue{"id": str(fmt.Sprintf("%d-%d", w, n))},
			})
			switch {
			case err != nil:
				t.Fatal(err)
			case len(out.Item) == 0:
				t.Fatalf("writer %d: item %d of %d acknowledged ones is lost", w, n, count)
			}
			total++
		}
	}
	if total < writers*enough {
		t.Errorf("only %d writes were acknowledged", total)
	}
	p.terminate()
}
