package model

// Service is one of the two services.
type Service string

// The services, as X-Amz-Target names them.
const (
	DynamoDB Service = "DynamoDB_20120810"
	Streams  Service = "DynamoDBStreams_20120810"
)

// An Operation is an operation of one of the services. Its request is the
// type named after it with "Input", its response with "Output".
type Operation struct {
	Name     string
	Service  Service
	NoOutput bool // the response has no body
}

// Target is the X-Amz-Target of a request for o.
func (o Operation) Target() string { return string(o.Service) + "." + o.Name }
