// Package seal keeps files encrypted: a file system whose files are sealed with
// authenticated encryption, and the keys for it.
//
// # Keys
//
// Three levels, so that one can be changed without rewriting what is below it:
// the root key, which never is in the data directory (a Source knows it: a file,
// a variable, a KMS), wraps the data keys, which are in the file KEYS; from a
// data key and the random salt in its header each file gets a key of its own
// (HKDF with SHA-256). New files are sealed under the newest data key, and older
// ones stay readable. Nothing here prints a key.
//
// # Files
//
// A file is a header (magic, kind, the data key's id, salt) and parts sealed
// with AES-256-GCM under random nonces, as the standard library has them. Two
// kinds differ in what a part is:
//
//   - A file of blocks is written once, from its start, and read anywhere: all
//     its parts but the last hold blockBytes. The last part says that it is the
//     last. Sync makes durable what was written, but writing on after a Sync
//     writes the last part again, in its place, so that a power cut in the middle
//     may take bytes that were synced before: these files are for who tells
//     nobody about them before they are whole.
//   - A log is appended to and synced, again and again, and read from its start:
//     each Write makes a part, with its length in front, which is never touched
//     again. It ends before the first part that is not whole, because that is
//     what a power cut leaves.
//
// # What is noticed
//
// A part opens only in its file and its place. A bit that flips, a block that is
// swapped, moved, or taken from another file, and a file of blocks that is cut
// short are errors of who reads them. What cannot be told from an earlier state
// of the disk is not noticed: a whole file, or all of them, put back as it was, a
// log cut short at a part (pebblekv's file SYNCED notices that one unless it is
// changed to match), a file that is missing or has another file's name, an empty
// file. Names, sizes and times of files are not hidden.
package seal
