package api

import (
	"slices"
	"strings"

	"github.com/statordb/stator/internal/attr"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// Limits of a table's shape. (Developer guide, "Quotas".)
const (
	maxLocal     = 5
	maxGlobal    = 20
	maxNonKeys   = 100
	maxIndexHash = 4
	maxIndexSort = 4
)

// definitions are the AttributeDefinitions of a request.
type definitions []table.KeyAttr

func parseDefinitions(in []model.AttributeDefinition) (definitions, error) {
	var defs definitions
	seen := make(map[string]bool, len(in))
	for _, d := range in {
		if seen[d.AttributeName.V] {
			return nil, ddberr.DefinitionRepeated.Fault(d.AttributeName.V)
		}
		seen[d.AttributeName.V] = true
		defs = append(defs, table.KeyAttr{Name: d.AttributeName.V, Type: attr.ParseType(d.AttributeType.V)})
	}
	return defs, nil
}

func (defs definitions) names() []string {
	names := make([]string, len(defs))
	for i, d := range defs {
		names[i] = d.Name
	}
	return names
}

// resolve turns key schema elements of one kind into typed attributes.
func (defs definitions) resolve(schema []model.KeySchemaElement, kind string) []table.KeyAttr {
	var attrs []table.KeyAttr
	for _, e := range schema {
		if e.KeyType.V != kind {
			continue
		}
		attrs = append(attrs, defs[defs.index(e.AttributeName.V)])
	}
	return attrs
}

// index returns the index of the definition of name, -1 if there is none.
func (defs definitions) index(name string) int {
	return slices.IndexFunc(defs, func(d table.KeyAttr) bool { return d.Name == name })
}

func (defs definitions) has(schema []model.KeySchemaElement) bool {
	return !slices.ContainsFunc(schema, func(e model.KeySchemaElement) bool { return defs.index(e.AttributeName.V) < 0 })
}

// tableKey checks and resolves the KeySchema of a table.
func (defs definitions) tableKey(schema []model.KeySchemaElement) (table.KeySchema, error) {
	switch {
	case len(defs) < len(schema) || !defs.has(schema):
		return table.KeySchema{}, ddberr.SchemaUndefined.Fault()
	case schema[0].KeyType.V != "HASH":
		return table.KeySchema{}, ddberr.SchemaFirstNotHash.Fault()
	case len(schema) > 1 && schema[1].KeyType.V != "RANGE":
		return table.KeySchema{}, ddberr.SchemaSecondNotRange.Fault()
	case len(schema) > 1 && schema[0].AttributeName.V == schema[1].AttributeName.V:
		return table.KeySchema{}, ddberr.SchemaSameName.Fault()
	}
	return table.KeySchema{Hash: defs.resolve(schema, "HASH"), Sort: defs.resolve(schema, "RANGE")}, nil
}

// indexKey checks and resolves the KeySchema of an index. The number of its
// elements, which the model does not bound, comes first.
func (defs definitions) indexKey(name string, schema []model.KeySchemaElement) (table.KeySchema, error) {
	switch {
	case countKeys(schema, "HASH") > maxIndexHash:
		return table.KeySchema{}, ddberr.SchemaTooManyKeys.Fault(maxIndexHash, "HASH", name)
	case countKeys(schema, "RANGE") > maxIndexSort:
		return table.KeySchema{}, ddberr.SchemaTooManyKeys.Fault(maxIndexSort, "RANGE", name)
	}
	if !defs.has(schema) {
		return table.KeySchema{}, ddberr.IndexUndefined.Fault(schemaNames(schema), strings.Join(defs.names(), ", "))
	}
	if len(schema) == 0 || schema[0].KeyType.V != "HASH" {
		return table.KeySchema{}, ddberr.SchemaFirstNotHash.Fault()
	}
	key := table.KeySchema{Hash: defs.resolve(schema, "HASH"), Sort: defs.resolve(schema, "RANGE")}
	names := key.Names()
	slices.Sort(names)
	sorted := slices.IsSortedFunc(schema, func(a, b model.KeySchemaElement) int { return strings.Compare(a.KeyType.V, b.KeyType.V) })
	switch {
	case len(slices.Compact(names)) < len(schema):
		return table.KeySchema{}, ddberr.SchemaSameName.Fault()
	case !sorted: // HASH before RANGE
		return table.KeySchema{}, ddberr.SchemaSecondNotRange.Fault()
	}
	return key, nil
}

func countKeys(schema []model.KeySchemaElement, kind string) int {
	n := 0
	for _, e := range schema {
		if e.KeyType.V == kind {
			n++
		}
	}
	return n
}

func schemaNames(schema []model.KeySchemaElement) string {
	var names []string
	for _, e := range schema {
		names = append(names, e.AttributeName.V)
	}
	return strings.Join(names, ", ")
}

func parseProjection(p *model.Projection) (table.Projection, error) {
	if p == nil || !p.ProjectionType.Set {
		return table.Projection{}, ddberr.UnknownProjection.Fault()
	}
	switch kind := p.ProjectionType.V; {
	case kind != "INCLUDE" && p.NonKeyAttributes != nil:
		return table.Projection{}, ddberr.ProjectionNonKeys.Fault(kind)
	case kind == "INCLUDE" && p.NonKeyAttributes == nil:
		return table.Projection{}, ddberr.ProjectionNoNonKeys.Fault()
	}
	return table.Projection{Type: p.ProjectionType.V, NonKeys: p.NonKeyAttributes}, nil
}

// localIndex checks and resolves an LSI of a table with the key of t.
func (defs definitions) localIndex(t table.KeySchema, in *model.LocalSecondaryIndex) (*table.Index, error) {
	if len(t.Sort) == 0 {
		return nil, ddberr.LocalTableNoRange.Fault()
	}
	name := in.IndexName.V
	key, err := defs.indexKey(name, in.KeySchema)
	switch {
	case err != nil:
		return nil, err
	case len(key.Sort) != 1 || len(key.Hash) != 1:
		return nil, ddberr.LocalNoRange.Fault(name)
	case key.Hash[0] != t.Hash[0]:
		return nil, ddberr.LocalOtherHash.Fault(name, key.Hash[0].Name, t.Hash[0].Name)
	}
	projection, err := parseProjection(in.Projection)
	if err != nil {
		return nil, err
	}
	return &table.Index{Name: name, Key: key, Projection: projection}, nil
}

// globalIndex checks and resolves a GSI of a table in a capacity mode.
func (defs definitions) globalIndex(onDemand bool, in *model.GlobalSecondaryIndex) (*table.Index, error) {
	name := in.IndexName.V
	key, err := defs.indexKey(name, in.KeySchema)
	if err != nil {
		return nil, err
	}
	projection, err := parseProjection(in.Projection)
	if err != nil {
		return nil, err
	}
	switch {
	case onDemand && in.ProvisionedThroughput != nil:
		return nil, ddberr.IndexThroughputOnDemand.Fault(name)
	case !onDemand && in.ProvisionedThroughput == nil:
		return nil, ddberr.IndexThroughputMissing.Fault(name)
	}
	return &table.Index{
		Name: name, Global: true, Key: key, Projection: projection,
		Throughput: throughput(in.ProvisionedThroughput),
		OnDemand:   onDemandLimits(in.OnDemandThroughput), Warm: warmThroughput(in.WarmThroughput),
	}, nil
}

func throughput(in *model.ProvisionedThroughput) table.Throughput {
	if in == nil {
		return table.Throughput{}
	}
	return table.Throughput{Read: in.ReadCapacityUnits.V, Write: in.WriteCapacityUnits.V}
}

func onDemandLimits(in *model.OnDemandThroughput) *table.OnDemand {
	if in == nil {
		return nil
	}
	return &table.OnDemand{Read: in.MaxReadRequestUnits.V, Write: in.MaxWriteRequestUnits.V}
}

func warmThroughput(in *model.WarmThroughput) *table.Throughput {
	if in == nil {
		return nil
	}
	return &table.Throughput{Read: in.ReadUnitsPerSecond.V, Write: in.WriteUnitsPerSecond.V}
}

// checkIndexes checks what concerns all indexes of d together, and that no
// attribute definition is spare.
func checkIndexes(d *table.Descriptor) error {
	var seen, used []string
	nonKeys := 0
	used = append(used, d.Key.Names()...)
	for _, x := range d.Indexes {
		if slices.Contains(seen, x.Name) {
			return ddberr.IndexNameRepeated.Fault(x.Name)
		}
		seen = append(seen, x.Name)
		nonKeys += len(x.Projection.NonKeys)
		used = append(used, x.Key.Names()...)
	}
	slices.Sort(used)
	used = slices.Compact(used)
	switch {
	case nonKeys > maxNonKeys:
		return ddberr.ProjectionTooMany.Fault()
	case len(used) == len(d.Attributes):
		return nil
	case len(d.Indexes) == 0:
		return ddberr.DefinitionsUnlike.Fault()
	}
	return ddberr.DefinitionsUnused.Fault(strings.Join(definitions(d.Attributes).names(), ", "), strings.Join(used, ", "))
}
