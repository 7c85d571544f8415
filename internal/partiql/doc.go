// Package partiql reads PartiQL statements and turns them into what the API's
// own operations are made of: keys, items, conditions, updates, projections
// and ranges of keys. It executes nothing; it is pure.
//
// A statement goes three steps. Parse makes a Statement of a text; it is
// immutable, so that it may be kept and used by many requests (see Cache).
// Bind puts the parameters and checks what needs no table. What needs the key
// of the table or index is a method of the result: Bound.Read finds the ranges
// of keys that a WHERE clause allows, Bound.Write the item that it names.
//
// Faults win in this order: characters that are no PartiQL, syntax, aliases
// and the FROM clause, numbers and other literals, parameters, operands and
// functions; then, with the table at hand, what the methods of Bound report.
// (Seen at the service, as far as the texts in ddberr are not marked.)
//
// Everything is bounded: the text by the API's 8,192 characters, and the depth
// to which anything may nest, and with it all recursion, by maxNesting.
package partiql
