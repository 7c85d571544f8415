package main

// constraints is data/constraints.json: how requests are checked where the
// models do not say it, or say it otherwise.
type constraints struct {
	Files map[string][]string // generated file: its operations
	Extra []string            // structures that no operation names
	Order map[string][]string // structure: members reported first, in order
	Enums map[string][]string // enumeration: values as printed
	// Patterns are those that Go's syntax cannot express, and their meaning.
	Patterns   map[string]string
	TableNames struct {
		Shape            string   // of members and keys that name a table
		Members          []string // names of such members
		Pattern          string
		Min, Max, KeyMin int64
	}
	Members map[string]struct{ Min, Max *int64 } // "Structure.Member": replaced bounds
	// MapValues are the "Structure.Member" maps of lists whose lengths are
	// reported as a constraint on the map; EchoJSON those printed as JSON.
	MapValues, EchoJSON []string
	// NotAlone is the member whose absence makes an operation report
	// everything in the usual way.
	NotAlone map[string]string
	Texts    map[string]string // names of texts for wordings
	Rules    []ruleData
}

// ruleData is one exception to the usual wording of violations.
type ruleData struct {
	Operations           []string
	Path                 string
	Kinds                []string
	Both, Older, Current wordingData
}

type wordingData struct {
	Text                      string // a name in Texts
	Alone, Yields, Unprefixed bool
}

func loadConstraints(path string) (*constraints, error) {
	c := &constraints{}
	return c, load(path, c)
}
