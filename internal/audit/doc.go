// Package audit writes down who did what: a CloudTrail record for each event,
// as a line of JSON, in files that are rotated.
//
// Record returns when the record is in the file, and for an event that has
// changed something when the file is synced: a record that has been written
// survives the kill, and one of a change the power cut, that follow the answer.
// Many events share one write and one sync. If a record cannot be written,
// Record says so, and the caller decides what that means for the request.
//
// Who is not known cannot fill the disk: of more than so many of their requests in a
// second there is one record, of the kind AwsServiceEvent, which says how many there
// were.
//
// # Values
//
// Records have the names of attributes and never their values: items are lists
// of names, values of expressions are left out, and those of keys and in PartiQL
// statements read ***(Redacted), and so does what a ValidationException says of an
// item, or an IncompleteSignatureException of a header. With Options.Values, keys have their values, as they do in CloudTrail. (Developer guide, "Understanding DynamoDB log file
// entries".)
//
// # Files
//
// The current file is cloudtrail.jsonl; others are named after when they were
// put aside, cloudtrail-20260601T120000Z.jsonl, and may be compressed. A line
// that a kill has torn is cut, or completed, when the directory is opened again.
// If others move or remove the current file, another is begun in its place. One
// Writer at a time has a directory: it locks the file LOCK there.
// Wrap makes the {"Records": […]} of lines that CloudTrail's own files are, for
// what reads those.
package audit
