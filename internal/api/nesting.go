package api

import (
	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
)

// olderNesting is the number of levels past which requests meet the older
// validator. (Observed: about 62.)
const olderNesting = 62

// violated returns the error of a request that violates constraints of the
// model. In the operations whose faults are enveloped, values that nest too
// deep come before a value that is not in an enumeration; far too deep, they
// come after it, and it is worded as before. (Observed.)
func violated(v *model.Violations, style ddberr.Style, body []byte) error {
	if style == ddberr.Enveloped && v.OnlyEnums() {
		switch levels := nesting(body); {
		case levels > olderNesting:
			style = ddberr.Older
		case levels >= attr.MaxDepth:
			return ddberr.NestingTooDeep.Fault()
		}
	}
	return v.Error(style)
}

// nesting returns how many levels the values in the body of a request nest.
func nesting(body []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\':
			i++ // only in a string
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return max(deepest-3, 0) / 2 // the body, the item and its value; then two for each level
}
