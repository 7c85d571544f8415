package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// relation is the throughput of a load as a part of another's.
type relation struct {
	load, to string
	weight   float64 // operations of to that one of load counts as
	goal     float64
}

var relations = []relation{
	{load: "select", to: "get", weight: 1, goal: 0.7},
	{load: "put-gsi", to: "put", weight: 1, goal: 0.6},
	{load: "put-stream", to: "put", weight: 1, goal: 0.8},
	{load: "put-pitr", to: "put", weight: 1, goal: 0.85},
	{load: "transact", to: "put", weight: transactItems, goal: 0.5},
	{load: "query-legacy", to: "query", weight: 1, goal: 0.9},
	{load: "query-gsi", to: "query", weight: 1, goal: 0.9},
}

// Relation is the throughput of a load as a part of another's, in rounds that
// alternated.
type Relation struct {
	Load string `json:"load"`
	To   string `json:"to"`
	// Weight is how many operations of To one of Load counts as.
	Weight float64 `json:"weight"`
	// Ratio is the median of the rounds' ratios, weighted; Lowest and Highest
	// are their bounds.
	Ratio   float64 `json:"ratio"`
	Lowest  float64 `json:"lowest"`
	Highest float64 `json:"highest"`
	Goal    float64 `json:"goal"` // the least that Ratio should be
	Met     bool    `json:"met"`
}

// groups sorts loads into groups that are compared, in the order of their
// first members.
func groups(loads []string) [][]string {
	var out [][]string
	at := map[string]int{}
	for _, name := range loads {
		key := name
		if i := slices.IndexFunc(relations, func(r relation) bool { return r.load == name }); i >= 0 {
			key = relations[i].to
		}
		i, found := at[key]
		if !found {
			i = len(out)
			at[key] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], name)
	}
	return out
}

// relate returns the relations between loads that were measured.
func relate(measured map[string]*rounds) []Relation {
	var out []Relation
	for _, r := range relations {
		if load, to := measured[r.load], measured[r.to]; load != nil && to != nil {
			out = append(out, r.of(load.server, to.server))
		}
	}
	return out
}

// of compares rounds that are pairs.
func (r relation) of(load, to []Round) Relation {
	ratios := make([]float64, len(load))
	for i := range load {
		ratios[i] = r.weight * load[i].PerSecond() / to[i].PerSecond()
	}
	ratio := median(ratios)
	return Relation{
		Load: r.load, To: r.to, Weight: r.weight, Goal: r.goal,
		Ratio: ratio, Lowest: slices.Min(ratios), Highest: slices.Max(ratios), Met: ratio >= r.goal,
	}
}

// writeRelations writes a line for each.
func writeRelations(w io.Writer, list []Relation) error {
	if len(list) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nthroughput in relation to another load, rounds alternating; the median of their ratios")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "relation\tratio\tlowest\thighest\tgoal\tmet\t")
	for _, r := range list {
		name := r.Load
		if r.Weight != 1 {
			name = fmt.Sprintf("%g x %s", r.Weight, r.Load)
		}
		fmt.Fprintf(t, "%s / %s\t%.2f\t%.2f\t%.2f\t%.2f\t%s\t\n", name, r.To, r.Ratio, r.Lowest, r.Highest, r.Goal, yes(r.Met))
	}
	return t.Flush()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
