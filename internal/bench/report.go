package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Report is what a Plan measured. Its JSON form is the output of
// stator bench --json.
type Report struct {
	Clients   int          `json:"clients"`
	Items     int          `json:"items"`
	ItemBytes int          `json:"item_bytes"`
	Rounds    int          `json:"rounds"`
	Loads     []LoadReport `json:"loads"`
	Relations []Relation   `json:"relations,omitempty"`
}

// LoadReport is what was measured of one load.
type LoadReport struct {
	Load     string   `json:"load"`
	Server   Figures  `json:"server"`
	Baseline *Figures `json:"baseline,omitempty"`
	// Throughput is the server's as a part of the baseline's: the median of
	// the rounds.
	Throughput float64 `json:"throughput_ratio,omitempty"`
	// CPU is the baseline's processor time per operation as a part of the
	// server's, likewise; 0 if unknown.
	CPU float64 `json:"cpu_ratio,omitempty"`
}

// Figures are those of one server under one load. Latencies are of all rounds;
// throughput and processor times are medians of the rounds. Times are in
// microseconds.
type Figures struct {
	Operations uint64   `json:"operations"`
	Errors     uint64   `json:"errors"`
	FirstError string   `json:"first_error,omitempty"`
	Conflicts  uint64   `json:"conflicts"` // refused; not part of the throughput
	PerSecond  float64  `json:"operations_per_second"`
	P50        float64  `json:"p50_us"`
	P99        float64  `json:"p99_us"`
	P999       float64  `json:"p999_us"`
	Max        float64  `json:"max_us"`
	ServerCPU  *float64 `json:"server_cpu_us_per_operation,omitempty"`
	ClientCPU  *float64 `json:"client_cpu_us_per_operation,omitempty"`
}

func micros(d time.Duration) float64 { return float64(d) / 1e3 }

// figures sums up the rounds of one server.
func figures(rounds []Round) Figures {
	var f Figures
	var latency Histogram
	var perSecond []float64
	var server, client []float64
	for _, r := range rounds {
		f.Operations += r.Operations
		f.Errors += r.Errors
		f.Conflicts += r.Conflicts
		if f.FirstError == "" {
			f.FirstError = r.FirstError
		}
		latency.Merge(r.Latency)
		perSecond = append(perSecond, r.PerSecond())
		server = append(server, micros(r.ServerCPU))
		client = append(client, micros(r.ClientCPU))
	}
	f.PerSecond = median(perSecond)
	f.P50, f.P99 = micros(latency.Quantile(0.50)), micros(latency.Quantile(0.99))
	f.P999, f.Max = micros(latency.Quantile(0.999)), micros(latency.Max())
	f.ServerCPU, f.ClientCPU = known(server), known(client)
	return f
}

// known returns the median of times, or nil if they are not known.
func known(times []float64) *float64 {
	if m := median(times); m >= 0 {
		return &m
	}
	return nil
}

// compare fills in the baseline's part of l. The rounds are pairs.
func (l *LoadReport) compare(server, baseline []Round) {
	f := figures(baseline)
	l.Baseline = &f
	var throughput, cpu []float64
	for i, s := range server {
		b := baseline[i]
		throughput = append(throughput, s.PerSecond()/b.PerSecond())
		if s.ServerCPU > 0 && b.ServerCPU > 0 {
			cpu = append(cpu, float64(b.ServerCPU)/float64(s.ServerCPU))
		}
	}
	l.Throughput, l.CPU = median(throughput), median(cpu)
}

// Err returns an error if operations failed.
func (r *Report) Err() error {
	for _, l := range r.Loads {
		for _, f := range []*Figures{&l.Server, l.Baseline} {
			if f != nil && f.Errors > 0 {
				return fmt.Errorf("load %s: %d of %d operations failed, the first: %s", l.Load, f.Errors, f.Operations, f.FirstError)
			}
		}
	}
	return nil
}

// WriteText writes r as a table for people.
func (r *Report) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%d clients, %d items of %d bytes; latency in µs; processor time in µs per operation\n",
		r.Clients, r.Items, r.ItemBytes)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "load\toperations\terrors\tconflicts\tops/s\tp50\tp99\tp99.9\tmax\tserver\tclient\tof baseline: ops/s\tprocessor\t")
	for _, l := range r.Loads {
		writeRow(t, l.Load, &l.Server, l.ratios())
		if l.Baseline != nil {
			writeRow(t, "baseline", l.Baseline, "\t")
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return writeRelations(w, r.Relations)
}

func writeRow(w io.Writer, name string, f *Figures, ratios string) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%s\t%s\t%s\t\n", name, f.Operations, f.Errors, f.Conflicts,
		f.PerSecond, f.P50, f.P99, f.P999, f.Max, cell(f.ServerCPU), cell(f.ClientCPU), ratios)
}

func (l *LoadReport) ratios() string {
	switch {
	case l.Baseline == nil:
		return "\t"
	case l.CPU == 0:
		return fmt.Sprintf("%.2f\t", l.Throughput)
	}
	return fmt.Sprintf("%.2f\t%.2f", l.Throughput, l.CPU)
}

func cell(v *float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("%.1f", *v)
}
