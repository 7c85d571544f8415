// Package bench measures servers of DynamoDB's JSON protocol, and compares
// them with a server that does nothing but read and parse the same requests.
//
// The load generator shares its machine with the server that it measures, so
// it is made to be cheap: requests are built once and only their keys and
// texts are overwritten, connections are plain and kept alive, one per client,
// and of an answer only the status and the length are read. A sample of the
// answers is searched for what must be in it, so that a server that answers
// nonsense does not look fast.
//
// The unit of measurement is a round: all clients send one load to one Target
// for a while. A Session holds the tables that the rounds work on. What is
// compared runs in rounds that alternate, and figures are medians, so that what
// else the machine does for a moment meets both or is left out.
package bench
