package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/statordb/stator/internal/progress"
)

const backupUsage = "stator backup create TABLE | list [TABLE] | describe BACKUP | delete BACKUP | --all --to DIR; stator backup create --help lists the flags"

// manageBackups makes, shows and deletes backups.
func manageBackups(args []string) error {
	if len(args) == 0 {
		return misuse{errors.New("use " + backupUsage)}
	}
	verb, rest := args[0], args[1:]
	b := &backups{}
	set := flag.NewFlagSet("stator backup "+verb, flag.ContinueOnError)
	b.define(set)
	switch verb {
	case "create":
		set.StringVar(&b.name, "name", "", "name of the backup; empty is the table's and the time")
		return b.run(set, rest, b.create, "TABLE")
	case "list":
		return b.run(set, rest, b.list, "[TABLE]")
	case "describe":
		return b.run(set, rest, b.describe, "BACKUP")
	case "delete":
		return b.run(set, rest, b.remove, "BACKUP")
	case "-h", "--help":
		fmt.Println("usage: " + backupUsage)
		return nil
	}
	if strings.HasPrefix(verb, "-") {
		return copyServer(args)
	}
	return misuse{errors.New("use " + backupUsage)}
}

// backups is stator backup.
type backups struct {
	remote
	name string
}

// run reads the flags and the argument of a verb, and does it.
func (b *backups) run(set *flag.FlagSet, args []string, do func(context.Context, string) error, argument string) error {
	values, err := parseArguments(set, args, argument)
	if err != nil {
		return err
	}
	ctx, stop := interruptible()
	defer stop()
	return b.explain(do(ctx, values[0]))
}

// create makes a backup and waits until it is there.
func (b *backups) create(ctx context.Context, table string) error {
	if b.name == "" {
		b.name = table + "-" + time.Now().UTC().Format("20060102T150405Z")
	}
	out, err := b.client().CreateBackup(ctx, &dynamodb.CreateBackupInput{TableName: &table, BackupName: &b.name})
	if err != nil {
		return err
	}
	arn := *out.BackupDetails.BackupArn
	m := meter(b.json, "backing up "+table, progress.Items)
	defer m.Clear()
	for {
		d, err := b.look(ctx, arn)
		switch {
		case ctx.Err() != nil:
			return interrupted{"the backup " + arn + " goes on"}
		case err != nil:
			return err
		case d.BackupDetails.BackupStatus != types.BackupStatusCreating:
			m.Clear()
			return b.print(d)
		case !pause(ctx):
			return interrupted{"the backup " + arn + " goes on"}
		}
		m.Set(0, 0)
	}
}

func (b *backups) look(ctx context.Context, arn string) (*types.BackupDescription, error) {
	out, err := b.client().DescribeBackup(ctx, &dynamodb.DescribeBackupInput{BackupArn: &arn})
	if err != nil {
		return nil, b.explain(err)
	}
	return out.BackupDescription, nil
}

func (b *backups) print(d *types.BackupDescription) error {
	if b.json {
		return printJSON(d)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	details, source := d.BackupDetails, d.SourceTableDetails
	for _, row := range [][2]string{
		{"backup", *details.BackupName}, {"table", *source.TableName}, {"status", string(details.BackupStatus)},
		{"type", string(details.BackupType)}, {"created", details.BackupCreationDateTime.UTC().Format(time.RFC3339)},
		{"items", fmt.Sprint(aws.ToInt64(source.ItemCount))}, {"size", progress.Bytes(aws.ToInt64(details.BackupSizeBytes))},
		{"arn", *details.BackupArn},
	} {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	return w.Flush()
}

// all returns the backups of a table, or of all tables if table is "".
func (b *backups) all(ctx context.Context, table string) (all []types.BackupSummary, err error) {
	in := &dynamodb.ListBackupsInput{BackupType: types.BackupTypeFilterAll}
	if table != "" {
		in.TableName = &table
	}
	for {
		out, err := b.client().ListBackups(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, out.BackupSummaries...)
		if in.ExclusiveStartBackupArn = out.LastEvaluatedBackupArn; in.ExclusiveStartBackupArn == nil {
			return all, nil
		}
	}
}

func (b *backups) list(ctx context.Context, table string) error {
	all, err := b.all(ctx, table)
	if err != nil {
		return err
	}
	if b.json {
		return printJSON(append([]types.BackupSummary{}, all...))
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "BACKUP\tTABLE\tTYPE\tSTATUS\tCREATED\tSIZE\tARN")
	for _, s := range all {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", *s.BackupName, *s.TableName, s.BackupType, s.BackupStatus,
			s.BackupCreationDateTime.UTC().Format(time.RFC3339), progress.Bytes(aws.ToInt64(s.BackupSizeBytes)), *s.BackupArn)
	}
	return w.Flush()
}

// find returns the ARN of the backup that has the ARN, or alone has the name.
func (b *backups) find(ctx context.Context, name string) (arn string, err error) {
	if strings.HasPrefix(name, "arn:") {
		return name, nil
	}
	all, err := b.all(ctx, "")
	if err != nil {
		return "", err
	}
	for _, s := range all {
		if *s.BackupName != name {
			continue
		}
		if arn != "" {
			return "", fmt.Errorf("there are several backups called %s: give the ARN of one, which stator backup list shows", name)
		}
		arn = *s.BackupArn
	}
	if arn == "" {
		return "", fmt.Errorf("there is no backup called %s: stator backup list shows all", name)
	}
	return arn, nil
}

func (b *backups) describe(ctx context.Context, name string) error {
	arn, err := b.find(ctx, name)
	if err != nil {
		return err
	}
	d, err := b.look(ctx, arn)
	if err != nil {
		return err
	}
	return b.print(d)
}

func (b *backups) remove(ctx context.Context, name string) error {
	arn, err := b.find(ctx, name)
	if err != nil {
		return err
	}
	out, err := b.client().DeleteBackup(ctx, &dynamodb.DeleteBackupInput{BackupArn: &arn})
	if err != nil || !b.json {
		return err
	}
	return printJSON(out.BackupDescription)
}
