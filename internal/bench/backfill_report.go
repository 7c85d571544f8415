package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// backfillGoal is the least part of a load's throughput that should be left
// while an index is built.
const backfillGoal = 0.7

// BackfillReport is what a BackfillPlan measured. Its JSON form is the output
// of stator bench --backfill --json.
type BackfillReport struct {
	Clients   int               `json:"clients"`
	ItemBytes int               `json:"item_bytes"`
	Load      string            `json:"load"` // under which indexes were built
	Sizes     []BackfillFigures `json:"sizes"`
}

// BackfillFigures are those of tables of one size. Each is a median of the
// builds, unless it says something else.
type BackfillFigures struct {
	Items  int `json:"items"`
	Builds int `json:"builds"` // alone, and as many under load

	Seconds   float64 `json:"seconds"` // from UpdateTable until the index is active
	PerSecond float64 `json:"items_per_second"`
	// ServerCPU is the server's processor time per item, in microseconds, of
	// all builds together.
	ServerCPU *float64 `json:"server_cpu_us_per_item,omitempty"`
	// Cost is what an item costs as a multiple of what it costs in the
	// smallest table: ServerCPU, or seconds if that is unknown. It is 1 if the
	// whole grows as the table does.
	Cost float64 `json:"cost_ratio"`

	Loaded LoadedBackfill `json:"under_load"`
}

// LoadedBackfill is how an index is built under load, and how the load runs
// meanwhile.
type LoadedBackfill struct {
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"items_per_second"`
	// Before and Along are of the load, just before an index is created and
	// until it is active.
	Before Figures `json:"load_before"`
	Along  Figures `json:"load_during"`
	// Throughput is the latter's as a part of the former's.
	Throughput float64 `json:"throughput_ratio"`
	Goal       float64 `json:"goal"` // the least that Throughput should be
	Met        bool    `json:"met"`
}

// backfillFigures sums up the builds of tables of one size.
func backfillFigures(items int, alone, loaded []build) BackfillFigures {
	f := BackfillFigures{Items: items, Builds: len(alone), Seconds: seconds(alone)}
	f.PerSecond = float64(items) / f.Seconds
	f.ServerCPU = cpuPer(items, alone)
	l := &f.Loaded
	l.Seconds, l.Goal = seconds(loaded), backfillGoal
	l.PerSecond = float64(items) / l.Seconds
	var before, along []Round
	var ratios []float64
	for _, b := range loaded {
		before, along = append(before, b.before), append(along, b.along)
		ratios = append(ratios, b.along.PerSecond()/b.before.PerSecond())
	}
	l.Before, l.Along, l.Throughput = figures(before), figures(along), median(ratios)
	l.Met = l.Throughput >= l.Goal
	return f
}

// seconds returns the median time of builds.
func seconds(builds []build) float64 {
	var took []float64
	for _, b := range builds {
		took = append(took, b.took.Seconds())
	}
	return median(took)
}

// cpuPer returns the processor time of builds per item, nil if it is unknown.
func cpuPer(items int, builds []build) *float64 {
	var sum time.Duration
	for _, b := range builds {
		if b.cpu < 0 {
			return nil
		}
		sum += b.cpu
	}
	per := micros(sum) / float64(items*len(builds))
	return &per
}

// cost is what an item costs, in microseconds of the server's processor, or
// of time if that is unknown.
func (f *BackfillFigures) cost() float64 {
	if f.ServerCPU != nil && *f.ServerCPU > 0 {
		return *f.ServerCPU
	}
	return 1e6 * f.Seconds / float64(f.Items)
}

// relate compares the cost of an item in all tables with the smallest.
func (r *BackfillReport) relate() {
	least := slices.MinFunc(r.Sizes, func(a, b BackfillFigures) int { return a.Items - b.Items })
	for i := range r.Sizes {
		r.Sizes[i].Cost = r.Sizes[i].cost() / least.cost()
	}
}

// Err returns an error if operations of the load failed.
func (r *BackfillReport) Err() error {
	for _, s := range r.Sizes {
		for _, f := range []Figures{s.Loaded.Before, s.Loaded.Along} {
			if f.Errors > 0 {
				return fmt.Errorf("backfill of %d items: %d of %d operations failed, the first: %s", s.Items, f.Errors, f.Operations, f.FirstError)
			}
		}
	}
	return nil
}

// WriteText writes r as two tables for people.
func (r *BackfillReport) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "an index is built over items of %d bytes; processor time in µs per item\n", r.ItemBytes)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "items\tbuilds\tseconds\titems/s\tserver\tcost of smallest\t")
	for _, s := range r.Sizes {
		fmt.Fprintf(t, "%d\t%d\t%.3f\t%.0f\t%s\t%.2f\t\n", s.Items, s.Builds, s.Seconds, s.PerSecond, cell(s.ServerCPU), s.Cost)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nthe same while %d clients send the load %s; p99 in µs\n", r.Clients, r.Load)
	fmt.Fprintln(t, "items\tbuilds\tseconds\titems/s\tops/s before\tduring\tratio\tgoal\tmet\tp99 before\tduring\terrors\t")
	for _, s := range r.Sizes {
		l := s.Loaded
		fmt.Fprintf(t, "%d\t%d\t%.3f\t%.0f\t%.0f\t%.0f\t%.2f\t%.2f\t%s\t%.0f\t%.0f\t%d\t\n", s.Items, s.Builds, l.Seconds, l.PerSecond,
			l.Before.PerSecond, l.Along.PerSecond, l.Throughput, l.Goal, yes(l.Met), l.Before.P99, l.Along.P99, l.Before.Errors+l.Along.Errors)
	}
	return t.Flush()
}
