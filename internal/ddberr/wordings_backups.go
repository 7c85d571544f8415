package ddberr

import "fmt"

// The wordings of operations on backups. Texts that have no source are our own,
// in the style of the others; the codes are the API reference's.
var (
	// No source. Arguments: the ARN.
	BackupARN = Text{Older: "Invalid BackupArn: Invalid ResourceArn provided as input %s"}
	// No source: the API reference says that system backups expire, the console
	// that they cannot be deleted.
	BackupOfSystem = Text{Older: "Backup of type SYSTEM cannot be deleted: %s"}

	// No source.
	RestoreNoSource    = Text{Older: invalid + "Either SourceTableName or SourceTableArn must be specified"}
	RestoreTwoSources  = Text{Older: invalid + "Only one of SourceTableName or SourceTableArn can be specified"}
	RestoreNoTime      = Text{Older: invalid + "Either RestoreDateTime or UseLatestRestorableTime must be specified"}
	RestoreTwoTimes    = Text{Older: invalid + "RestoreDateTime cannot be specified when UseLatestRestorableTime is true"}
	RestoreWarmIndex   = Text{Older: invalid + "WarmThroughput is not supported for index: %s when a table is restored to a point in time"}
	RestoreIndexUnlike = Text{Older: invalid + "No index of the source table has the name, the key and the projection of index: %s"}
	RecoveryPeriodOff  = Text{Older: invalid + "RecoveryPeriodInDays cannot be specified when PointInTimeRecoveryEnabled is false"}
)

// BackupNotFound is the error of naming a backup that is not there. (Observed:
// turbot/steampipe-plugin-aws issue 1913.)
func BackupNotFound(arn string) *Error {
	return New("BackupNotFoundException", "Backup not found: "+arn)
}

// BackupInUse is the error of deleting a backup that a table is being restored
// from. The text has no source.
func BackupInUse(arn string) *Error {
	return New("BackupInUseException", "Backup is being used to restore a table: "+arn)
}

// SourceTableNotFound is the error of operations on backups for a table that is
// not there. (Observed: hashicorp/terraform-provider-aws issue 26577.)
func SourceTableNotFound(table string) *Error {
	return New("TableNotFoundException", "Table not found: "+table)
}

// TargetTableExists is the error of restoring to a table that is there. The text
// is the one of ImportTable.
func TargetTableExists(table string) *Error {
	return New("TableAlreadyExistsException", "Table already exists: "+table)
}

// TargetTableInUse is the error of restoring to a table that is being created, or
// from one that is. The text is the one of DeleteTable.
func TargetTableInUse(table string) *Error {
	return New("TableInUseException", "Table is being created: "+table)
}

// BackupsUnavailable is the error of backing up a table that is being created.
// (Its beginning was observed: aws-amplify/amplify-backend issue 1654.)
func BackupsUnavailable(table string) *Error {
	return New("ContinuousBackupsUnavailableException", fmt.Sprintf("Backups are being enabled for the table: %s. Please retry later", table))
}

// RecoveryUnavailable is the error of going back in time with a table whose
// point-in-time recovery is off. The text has no source.
func RecoveryUnavailable(table string) *Error {
	return New("PointInTimeRecoveryUnavailableException", fmt.Sprintf("Point in time recovery is not enabled for table '%s'", table))
}

// InvalidRestoreTime is the error of a time that a table cannot be restored to.
// (API reference, RestoreTableToPointInTime.)
func InvalidRestoreTime() *Error {
	return New("InvalidRestoreTimeException", "An invalid restore time was specified. RestoreDateTime must be between EarliestRestorableDateTime and LatestRestorableDateTime.")
}

// TooManyAtATime is the error of one restore, export or import more than an
// account has at a time. (The numbers are the API reference's; the text has no
// source.)
func TooManyAtATime(what string, most int) *Error {
	return New("LimitExceededException", fmt.Sprintf("Subscriber limit exceeded: There is a limit of %d concurrent %s per account", most, what))
}
