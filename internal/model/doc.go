// Package model holds the requests and responses of DynamoDB and DynamoDB
// Streams: their types, how they are read from and written to JSON, and the
// constraints on single members. The types are generated from the service
// models in data; what the service does otherwise than its model says is in
// data/constraints.json, and operations newer than the models are in
// data/newer.json.
//
// A member that may be absent is an Opt, a pointer (structures), or a slice
// (lists, maps) whose nil means absent. Attribute values are attr.InputItem
// and attr.InputValue in requests, attr.Item in responses.
//
// Nothing here uses reflection, does I/O or knows the time.
package model

//go:generate go run ./gen
