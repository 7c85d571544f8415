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
	case len(schema) == 0: // the model allows it, for replicas
		return table.KeySchema{}, ddberr.Validation("1 validation error detected: Value null at 'keySchema' failed to satisfy constraint: Member must not be null")
	case len(defs) < len(schema):
		return table.KeySchema{}, ddberr.SchemaUndefined.Fault()
	case !defs.has(schema):
		return table.KeySchema{}, ddberr.IndexUndefined.Fault(schemaNames(schema), strings.Join(defs.names(), ", "))
	case schema[0].KeyType.V != "HASH":
		return table.KeySchema{}, ddberr.SchemaFirstNotHash.Fault()
	case len(schema) > 1 && schema[1].KeyType.V != "RANGE":
		return table.KeySchema{}, ddberr.SchemaSecondNotRange.Fault()
	case len(schema) > 1 && schema[0].AttributeName.V == schema[1].AttributeName.V:
		return table.KeySchema{}, ddberr.SchemaSameName.Fault()
	}
	return table.KeySchema{Hash: defs.resolve(schema, "HASH"), Sort: defs.resolve(schema, "RANGE")}, nil
}

// checkDefined checks that an index's key has no more attributes than it may,
// which the model does not say, and that they are all defined.
func (defs definitions) checkDefined(schema []model.KeySchemaElement) error {
	switch {
	case countKeys(schema, "HASH") > maxIndexHash:
		return ddberr.SchemaTooManyKeys.Fault("HASH")
	case countKeys(schema, "RANGE") > maxIndexSort:
		return ddberr.SchemaTooManyKeys.Fault("RANGE")
	case !defs.has(schema):
		return ddberr.IndexUndefined.Fault(schemaNames(schema), strings.Join(defs.names(), ", "))
	}
	return nil
}

// indexKey checks and resolves the KeySchema of an index.
func (defs definitions) indexKey(schema []model.KeySchemaElement) (table.KeySchema, error) {
	if err := defs.checkDefined(schema); err != nil {
		return table.KeySchema{}, err
	}
	if len(schema) == 0 || schema[0].KeyType.V != "HASH" {
		return table.KeySchema{}, ddberr.SchemaFirstNotHash.Fault()
	}
	key := table.KeySchema{Hash: defs.resolve(schema, "HASH"), Sort: defs.resolve(schema, "RANGE")}
	names := key.Names()
	slices.Sort(names)
	ordered := slices.IsSortedFunc(schema, func(a, b model.KeySchemaElement) int { return strings.Compare(a.KeyType.V, b.KeyType.V) })
	switch unique := len(slices.Compact(names)) == len(schema); {
	case !unique && len(schema) == 2 && len(key.Sort) == 1:
		return table.KeySchema{}, ddberr.SchemaSameName.Fault()
	case !unique:
		return table.KeySchema{}, ddberr.SchemaSameNames.Fault()
	case !ordered:
		return table.KeySchema{}, ddberr.SchemaHashAfterRange.Fault()
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

func attributeNames(schema []model.KeySchemaElement) []string {
	var names []string
	for _, e := range schema {
		names = append(names, e.AttributeName.V)
	}
	return names
}

func schemaNames(schema []model.KeySchemaElement) string {
	return strings.Join(attributeNames(schema), ", ")
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
	for i, name := range p.NonKeyAttributes {
		if slices.Contains(p.NonKeyAttributes[:i], name) {
			return table.Projection{}, ddberr.ProjectionRepeated.Fault(name)
		}
	}
	return table.Projection{Type: p.ProjectionType.V, NonKeys: p.NonKeyAttributes}, nil
}

// localIndex checks and resolves an LSI of a table with the key of t.
func (defs definitions) localIndex(t table.KeySchema, in *model.LocalSecondaryIndex) (*table.Index, error) {
	if len(t.Sort) == 0 {
		return nil, ddberr.LocalTableNoRange.Fault()
	}
	name := in.IndexName.V
	key, err := defs.indexKey(in.KeySchema)
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

// globalIndex checks and resolves a GSI but for its throughput.
func (defs definitions) globalIndex(in *model.GlobalSecondaryIndex) (*table.Index, error) {
	key, err := defs.indexKey(in.KeySchema)
	if err != nil {
		return nil, err
	}
	projection, err := parseProjection(in.Projection)
	if err != nil {
		return nil, err
	}
	return &table.Index{Name: in.IndexName.V, Global: true, Key: key, Projection: projection}, nil
}

// setIndexThroughput gives x, a new GSI of a table in a capacity mode, what
// in asks for.
func (a *API) setIndexThroughput(x *table.Index, b table.Billing, in *model.GlobalSecondaryIndex) (err error) {
	x.Throughput = throughput(in.ProvisionedThroughput)
	if x.OnDemand, err = a.limitOnDemand(x.Name, nil, in.OnDemandThroughput, true); err != nil {
		return err
	}
	x.Warm, err = a.newWarm("index "+x.Name, b, x.Throughput, in.WarmThroughput)
	return err
}

// checkUsed checks that the key schemas of a table and its indexes have a
// definition of every attribute, and use every definition.
func (defs definitions) checkUsed(in *model.CreateTableInput) error {
	var schemas [][]model.KeySchemaElement
	for _, x := range in.LocalSecondaryIndexes {
		schemas = append(schemas, x.KeySchema)
	}
	for _, x := range in.GlobalSecondaryIndexes {
		schemas = append(schemas, x.KeySchema)
	}
	used := attributeNames(in.KeySchema)
	for _, schema := range schemas {
		if err := defs.checkDefined(schema); err != nil {
			return err
		}
		used = append(used, attributeNames(schema)...)
	}
	slices.Sort(used)
	used = slices.Compact(used)
	switch {
	case len(used) == len(defs):
		return nil
	case len(schemas) == 0:
		return ddberr.DefinitionsUnlike.Fault()
	}
	return ddberr.DefinitionsUnused.Fault(strings.Join(defs.names(), ", "), strings.Join(used, ", "))
}

// checkIndexes checks what concerns all indexes of d together.
func checkIndexes(d *table.Descriptor) error {
	seen := map[string]bool{}
	nonKeys := 0
	for _, x := range d.Indexes {
		if seen[x.Name] {
			return ddberr.IndexNameRepeated.Fault(x.Name)
		}
		seen[x.Name] = true
		nonKeys += len(x.Projection.NonKeys)
	}
	if nonKeys > maxNonKeys {
		return ddberr.ProjectionTooMany.Fault()
	}
	return nil
}
