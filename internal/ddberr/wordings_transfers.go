package ddberr

import "fmt"

// The wordings of exports, imports and bulk puts. Unless it is said where a text
// is from, it has no source and is our own, in the style of the others; the codes
// are the API reference's.
var (
	ExportNoWindow    = Text{Older: invalid + "IncrementalExportSpecification must be specified when ExportType is INCREMENTAL_EXPORT"}
	ExportWindowOfAll = Text{Older: invalid + "IncrementalExportSpecification can only be specified when ExportType is INCREMENTAL_EXPORT"}
	ExportNoFrom      = Text{Older: invalid + "ExportFromTime must be specified in IncrementalExportSpecification"}
	ExportTwoTimes    = Text{Older: invalid + "ExportTime cannot be specified when ExportType is INCREMENTAL_EXPORT"}
	// The bounds are the developer guide's ("Requesting a table export").
	ExportWindow    = Text{Older: invalid + "The time between ExportFromTime and ExportToTime must be at least 15 minutes and at most 24 hours"}
	ExportKMSKey    = Text{Older: invalid + "S3SseKmsKeyId can only be specified when S3SseAlgorithm is KMS"}
	ExportNextToken = Text{Older: invalid + "The NextToken is not valid"}

	BulkNoOutput = Text{Older: invalid + "S3Bucket must be specified in OutputS3Configuration"}
	BulkOver     = Text{Older: "The bulk operation is not in progress: %s"}
)

// ExportNotFound is the error of naming an export that is not there.
func ExportNotFound(arn string) *Error {
	return New("ExportNotFoundException", "Export not found: "+arn)
}

// ImportNotFound is the error of naming an import that is not there.
func ImportNotFound(arn string) *Error {
	return New("ImportNotFoundException", "Import not found: "+arn)
}

// BulkNotFound is the error of naming bulk puts that are not there.
func BulkNotFound(arn string) *Error {
	return ResourceNotFound("Requested resource not found: Bulk operation: " + arn + " not found")
}

// ExportConflict is the error of a client token that was used for another export.
func ExportConflict(token string) *Error {
	return New("ExportConflictException", conflicting(token))
}

// ImportConflict is the error of a client token that was used for another import.
func ImportConflict(token string) *Error {
	return New("ImportConflictException", conflicting(token))
}

// BulkConflict is the error of a client token that was used for other bulk puts.
func BulkConflict(token string) *Error {
	return New("IdempotentParameterMismatchException", conflicting(token))
}

func conflicting(token string) string {
	return fmt.Sprintf("The client token %s was used with other parameters", token)
}

// InvalidExportTime is the error of a time from which a table cannot be exported.
// (The API reference says this of the exception.)
func InvalidExportTime() *Error {
	return New("InvalidExportTimeException", "The specified ExportTime is outside of the point in time recovery window.")
}
