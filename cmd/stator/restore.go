package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator/internal/progress"
)

const restoreUsage = "stator restore BACKUP --to TABLE | --table TABLE --at TIME --to NEW | --all --from DIR --data DIR; stator restore --help lists the flags"

// restore makes a table of a backup, or of a table as it was, or a data
// directory of a backup of a whole server.
func restore(args []string) error {
	r := &restoring{}
	set := flag.NewFlagSet("stator restore", flag.ContinueOnError)
	r.define(set)
	values, err := parseArguments(set, args, "[BACKUP]")
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	backup := values[0]
	switch {
	case r.all && backup == "":
		if err := missing(set, "from", "data"); err != nil {
			return err
		}
		return r.server(ctx)
	case !r.all && backup != "" && r.table == "" && r.at == "":
		if err := missing(set, "to"); err != nil {
			return err
		}
		return r.explain(r.backup(ctx, backup))
	case !r.all && backup == "" && r.table != "":
		if err := missing(set, "at", "to"); err != nil {
			return err
		}
		return r.explain(r.past(ctx))
	}
	return misuse{errors.New("use " + restoreUsage)}
}

// restoring is stator restore.
type restoring struct {
	backups
	to, table, at string
	all           bool
	from, data    string
	items         int64 // about so many will be in the table; 0: it is not known
}

func (r *restoring) define(set *flag.FlagSet) {
	r.backups.define(set)
	set.StringVar(&r.to, "to", "", "table to make")
	set.StringVar(&r.table, "table", "", "table that had point-in-time recovery enabled")
	set.StringVar(&r.at, "at", "", "time at which it was as the new one is to be: latest, or one like 2026-11-01T12:00:00Z")
	set.BoolVar(&r.all, "all", false, "make a data directory of a backup of a whole server")
	set.StringVar(&r.from, "from", "", "directory of the backup of a whole server")
	set.StringVar(&r.data, "data", "", "data directory to make, which is empty or not there")
}

// backup restores a backup.
func (r *restoring) backup(ctx context.Context, name string) error {
	arn, err := r.find(ctx, name)
	if err != nil {
		return err
	}
	if d, err := r.look(ctx, arn); err == nil {
		r.items = aws.ToInt64(d.SourceTableDetails.ItemCount)
	}
	out, err := r.client().RestoreTableFromBackup(ctx, &dynamodb.RestoreTableFromBackupInput{BackupArn: &arn, TargetTableName: &r.to})
	if err != nil {
		return err
	}
	return r.await(ctx, out.TableDescription)
}

// past restores a table as it was.
func (r *restoring) past(ctx context.Context) error {
	in := &dynamodb.RestoreTableToPointInTimeInput{SourceTableName: &r.table, TargetTableName: &r.to}
	if r.at == "latest" {
		in.UseLatestRestorableTime = aws.Bool(true)
	} else {
		at, err := time.Parse(time.RFC3339, r.at)
		if err != nil {
			return misuse{fmt.Errorf("--at %q: give latest, or a time like 2026-11-01T12:00:00Z", r.at)}
		}
		in.RestoreDateTime = &at
	}
	if source, err := r.client().DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &r.table}); err == nil {
		r.items = aws.ToInt64(source.Table.ItemCount)
	}
	out, err := r.client().RestoreTableToPointInTime(ctx, in)
	if err != nil {
		return err
	}
	return r.await(ctx, out.TableDescription)
}

// await waits until the table is there, and prints it.
func (r *restoring) await(ctx context.Context, d *types.TableDescription) error {
	m := meter(r.json, "restoring "+r.to, progress.Items)
	defer m.Clear()
	left := interrupted{"the restore of table " + r.to + " goes on in the server"}
	for d.TableStatus == types.TableStatusCreating {
		if !pause(ctx) {
			return left
		}
		out, err := r.client().DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &r.to})
		if gone := (*types.ResourceNotFoundException)(nil); errors.As(err, &gone) {
			return fmt.Errorf("the restore of table %s has failed: the server's log says why", r.to)
		}
		if ctx.Err() != nil {
			return left
		}
		if err != nil {
			return err
		}
		d = out.Table
		m.Set(aws.ToInt64(d.ItemCount), r.items)
	}
	m.Clear()
	if d.TableStatus != types.TableStatusActive {
		return fmt.Errorf("table %s is %s", r.to, d.TableStatus)
	}
	if r.json {
		return printJSON(d)
	}
	fmt.Printf("table %s: %d items, %s\n", r.to, aws.ToInt64(d.ItemCount), progress.Bytes(aws.ToInt64(d.TableSizeBytes)))
	return nil
}
