// Package identity is who there is: accounts, and their users, groups, roles,
// access keys, policies and identity providers, all in one JSON file.
//
// # The file
//
// The file belongs to its owner: it is made to be read, compared and kept in
// version control. Its order is stable, its names are those of AWS's API, and
// what is secret in it is sealed (AES-256-GCM) under a key that is elsewhere: in
// the file NAME.key beside it, or in the variable STATOR_IAM_KEY. That key is
// never to be where the file is published. A sealed secret is bound to its
// access key; under another one it does not open.
//
// Update is the only way to write: under a lock, atomically, and only what Open
// would accept.
//
// # A Directory
//
// A Directory holds what the file says, compiled, and follows the file while
// Run runs. What it holds is never half of one version and half of another. A
// version that is broken is logged, once, and the one before it stays.
//
// # Sessions
//
// A session is kept by nobody: everything that is known of it is sealed in its
// token, under a key derived from that of the file, bound to its access key.
// Any server with the same key accepts it, until it expires or its role, or its
// user, is no more.
package identity
