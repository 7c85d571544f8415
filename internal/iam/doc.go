// Package iam is who may do what: principals, policies and the decision whether
// a principal may take an action on a resource. It is pure: no I/O, no clock.
//
// The language and the order of evaluation are those of AWS Identity and Access
// Management. (IAM user guide, "IAM JSON policy element reference" and "Policy
// evaluation logic".)
//
// # Decision
//
// A statement applies to a request when its action, its resource, its principal
// (in policies that have one) and all its conditions match. Then, in order:
//
//  1. A Deny of any policy decides.
//  2. Nobody assumes a role whose trust policy does not allow it.
//  3. The account's root user may do everything else.
//  4. A resource policy that names the very user or session, or everybody,
//     allows; if it names the session's role, permissions boundary and session
//     policies must allow too.
//  5. An identity policy must allow, and permissions boundary and session
//     policies, where there are any, too. For a resource of another account its
//     resource policy must allow besides.
//
// What a policy cannot express exactly is refused when it is parsed: a policy
// that is half understood is not a policy.
//
// The decisions in testdata are from the documentation; package iamtest reads
// them, for the tests here and for those of the server.
package iam
