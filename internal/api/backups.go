package api

import (
	"errors"
	"strings"

	"github.com/statordb/stator/internal/backup"
	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/model"
	"github.com/statordb/stator/internal/table"
)

// Backup states as they are described.
const (
	backupCreating  = "CREATING"
	backupAvailable = "AVAILABLE"
	backupDeleted   = "DELETED"
)

// backupARN returns the ARN of the backup that k names.
func (a *API) backupARN(k backup.Key) string { return a.tableARN(k.Table) + "/backup/" + k.ID }

// backupKey returns what arn names. One of another account or region names
// nothing that is here.
func (a *API) backupKey(arn string) (backup.Key, error) {
	k, err := a.parseBackupARN(arn)
	if err == nil && arn != a.backupARN(k) {
		err = ddberr.BackupNotFound(arn)
	}
	return k, err
}

// parseBackupARN returns what arn names, of whatever account and region.
func (a *API) parseBackupARN(arn string) (backup.Key, error) {
	of, id, found := strings.Cut(arn, "/backup/")
	title, ok := model.TableOfARN(of)
	if !ok || !found || title == "" || !backup.IsID(id) {
		return backup.Key{}, ddberr.BackupARN.Fault(arn)
	}
	return backup.Key{Table: a.tableName(of), ID: id}, nil
}

// backupError returns what the client sees of err, which an operation on the
// backup arn gave.
func backupError(arn string, err error) error {
	switch {
	case errors.Is(err, backup.ErrNotFound):
		return ddberr.BackupNotFound(arn)
	case errors.Is(err, backup.ErrInUse):
		return ddberr.BackupInUse(arn)
	}
	return err
}

// backedUp returns the table that an operation on backups is about.
func (a *API) backedUp(nameOrARN string) (*table.Table, error) {
	name := a.tableName(nameOrARN)
	if t := a.Engine.Catalog.Get(name); t != nil {
		return t, nil
	}
	return nil, ddberr.SourceTableNotFound(table.Title(name))
}

func backupType(b *backup.Backup) string {
	if b.System {
		return "SYSTEM"
	}
	return "USER"
}

func (a *API) backupDetails(b *backup.Backup, status string) *model.BackupDetails {
	return &model.BackupDetails{
		BackupArn:              model.Some(a.backupARN(b.Key())),
		BackupName:             model.Some(b.Name),
		BackupSizeBytes:        model.Some(b.Count.Bytes),
		BackupStatus:           model.Some(status),
		BackupType:             model.Some(backupType(b)),
		BackupCreationDateTime: timestamp(b.Created),
		BackupExpiryDateTime:   timestamp(b.Expires),
	}
}

func (a *API) backupSummary(b *backup.Backup) model.BackupSummary {
	return model.BackupSummary{
		TableName:              model.Some(b.Source.Title()),
		TableId:                model.Some(b.Source.ID),
		TableArn:               model.Some(a.tableARN(b.Source.Name)),
		BackupArn:              model.Some(a.backupARN(b.Key())),
		BackupName:             model.Some(b.Name),
		BackupCreationDateTime: timestamp(b.Created),
		BackupExpiryDateTime:   timestamp(b.Expires),
		BackupStatus:           model.Some(backupAvailable),
		BackupType:             model.Some(backupType(b)),
		BackupSizeBytes:        model.Some(b.Count.Bytes),
	}
}

func (a *API) describeBackup(b *backup.Backup, status string) *model.BackupDescription {
	d := b.Source
	return &model.BackupDescription{
		BackupDetails: a.backupDetails(b, status),
		SourceTableDetails: &model.SourceTableDetails{
			TableName:             model.Some(d.Title()),
			TableId:               model.Some(d.ID),
			TableArn:              model.Some(a.tableARN(d.Name)),
			TableSizeBytes:        model.Some(b.Count.Bytes),
			KeySchema:             describeKey(d.Key),
			TableCreationDateTime: timestamp(d.Created),
			ProvisionedThroughput: plainThroughput(d.Throughput),
			OnDemandThroughput:    describeOnDemand(d.OnDemand),
			ItemCount:             model.Some(b.Count.Items),
			BillingMode:           model.Some(billingMode(d.Billing)),
		},
		SourceTableFeatureDetails: sourceFeatures(d),
	}
}

func plainThroughput(t table.Throughput) *model.ProvisionedThroughput {
	return &model.ProvisionedThroughput{ReadCapacityUnits: model.Some(t.Read), WriteCapacityUnits: model.Some(t.Write)}
}

// sourceFeatures describes what d has beside its items.
func sourceFeatures(d *table.Descriptor) *model.SourceTableFeatureDetails {
	out := &model.SourceTableFeatureDetails{TimeToLiveDescription: describeTTL(d), SSEDescription: describeSSE(d)}
	if latest := d.StreamLatest(); latest != nil && latest.Enabled() {
		out.StreamDescription = &model.StreamSpecification{StreamEnabled: model.Some(true), StreamViewType: model.Some(latest.View)}
	}
	for _, x := range d.Indexes {
		if !x.Global {
			out.LocalSecondaryIndexes = append(out.LocalSecondaryIndexes, model.LocalSecondaryIndexInfo{
				IndexName: model.Some(x.Name), KeySchema: describeKey(x.Key), Projection: describeProjection(x.Projection),
			})
			continue
		}
		out.GlobalSecondaryIndexes = append(out.GlobalSecondaryIndexes, model.GlobalSecondaryIndexInfo{
			IndexName: model.Some(x.Name), KeySchema: describeKey(x.Key), Projection: describeProjection(x.Projection),
			ProvisionedThroughput: plainThroughput(x.Throughput), OnDemandThroughput: describeOnDemand(x.OnDemand),
		})
	}
	return out
}
