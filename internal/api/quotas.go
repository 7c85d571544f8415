package api

import (
	"fmt"
	"slices"
	"time"

	"github.com/statordb/stator/internal/ddberr"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/table"
)

// Quotas of provisioned capacity units, of reads and of writes alike.
// (Developer guide, "Quotas".)
const (
	tableUnits   = 40000 // of a table, and of each of its GSIs
	accountUnits = 80000
)

// Within a UTC day, throughput may be decreased four times, and once more
// when an hour has passed since the last time. (Developer guide, "Quotas".)
const (
	freeDecreases = 4
	decreaseEvery = time.Hour
)

// A table may switch to on-demand four times in 24 hours. (Developer guide,
// "Considerations when switching capacity modes".)
const (
	maxSwitches  = 4
	switchWindow = 24 * time.Hour
)

// unitNames are the members of ProvisionedThroughput, by meter.Kind.
var unitNames = [...]string{meter.Read: "ReadCapacityUnits", meter.Write: "WriteCapacityUnits"}

const moreUnits = "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."

// A table's class is set twice in 30 days. (API reference, UpdateTable;
// DDB-TABLE-443 of the findings in testdata/table_findings.txt.)
const (
	maxClasses  = 2
	classWindow = 30 * 24 * time.Hour
)

// protectionInterval is how long a table's deletion protection stays as it was
// set. (Observed.)
const protectionInterval = 15 * time.Second

// checkUnits returns a LimitExceededException if d, which replaces before,
// asks for more provisioned units than the quotas allow. Units that d has
// already are not questioned. The text for an index is that for a table with
// what was seen of it.
func (a *API) checkUnits(before, d *table.Descriptor) error {
	for k, name := range unitNames {
		k := meter.Kind(k)
		if n := unitsOf(d.Throughput, k); n > tableUnits && n > unitsOf(before.Throughput, k) {
			return limitExceeded("The requested %s, %d, is above the per table maximum for the account in %s. Per table maximum: %d. %s",
				name, n, a.Region, tableUnits, moreUnits)
		}
		for _, x := range d.Indexes {
			if n := unitsOf(x.Throughput, k); n > tableUnits && n > indexUnitsOf(before, x.Name, k) {
				return limitExceeded("The requested %s for index %s, %d, is above the per index maximum for the account in %s. Per index maximum: %d. %s",
					name, x.Name, n, a.Region, tableUnits, moreUnits)
			}
		}
		reserved, requested := a.reserved(d.Name, k), totalUnits(d, k)
		if reserved+requested > accountUnits && requested > totalUnits(before, k) {
			return limitExceeded("This request would have caused the %s limit to be exceeded for the account in %s. Current %s reserved by the account: %d. Limit: %d. Requested: %d. %s",
				name, a.Region, name, reserved+totalUnits(before, k), accountUnits, requested, moreUnits)
		}
	}
	return nil
}

// reserved returns the units of all tables of an owner but the one called name.
func (a *API) reserved(name string, k meter.Kind) (total int64) {
	a.Engine.Each(func(t *table.Table) {
		if t.Name != name && table.OwnerOf(t.Name) == table.OwnerOf(name) {
			total += totalUnits(t.Descriptor, k)
		}
	})
	return total
}

// totalUnits returns the units of a table and its GSIs.
func totalUnits(d *table.Descriptor, k meter.Kind) int64 {
	total := unitsOf(d.Throughput, k)
	for _, x := range d.Indexes {
		total += unitsOf(x.Throughput, k)
	}
	return total
}

func unitsOf(t table.Throughput, k meter.Kind) int64 {
	if k == meter.Read {
		return t.Read
	}
	return t.Write
}

func indexUnitsOf(d *table.Descriptor, name string, k meter.Kind) int64 {
	if x := d.Index(name); x != nil {
		return unitsOf(x.Throughput, k)
	}
	return 0
}

// checkDecrease returns a LimitExceededException if t must not be decreased
// now.
func checkDecrease(t table.Throughput, now time.Time) error {
	midnight := t.Decreased.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	next := t.Decreased.Add(decreaseEvery)
	if midnight.Before(next) {
		next = midnight
	}
	if t.DecreasesOn(now) < freeDecreases || !now.Before(next) {
		return nil
	}
	format := func(t time.Time) string {
		return t.UTC().Format("Monday, January 2, 2006 at 3:04:05 PM") + " Coordinated Universal Time"
	}
	return limitExceeded("Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. "+
		"After the first %d decreases, each subsequent decrease in the same UTC day can be performed at most once every %d seconds. "+
		"Number of decreases today: %d. Last decrease at %s. Next decrease can be made at %s",
		freeDecreases, int(decreaseEvery.Seconds()), t.DecreasesOn(now), format(t.Decreased), format(next))
}

// checkProtection returns a ThrottlingException if the deletion protection of
// d must not be set now.
func checkProtection(d *table.Descriptor, now time.Time) error {
	next := d.ProtectionChanged.Add(protectionInterval)
	if !now.Before(next) {
		return nil
	}
	return ddberr.New("ThrottlingException", fmt.Sprintf(
		"Deletion protection setting for table %s modified within the previous %d milliseconds. Please try again after %s",
		d.Title(), protectionInterval.Milliseconds(), next.UTC().Format("2006-01-02T15:04:05.000")))
}

// checkSwitch returns a LimitExceededException if a table with the switches to
// on-demand so far, oldest first, must not be switched now. The text was seen
// when one switch was allowed.
func checkSwitch(switches []time.Time, now time.Time) error {
	if len(recent(switches, now, switchWindow)) < maxSwitches {
		return nil
	}
	const layout = "Mon Jan 02 15:04:05 MST 2006"
	return limitExceeded("Subscriber limit exceeded: Update to PayPerRequest mode are limited to %d times in 1 day(s). Last update at %s. Next update can be made at %s",
		maxSwitches, switches[len(switches)-1].UTC().Format(layout), switches[len(switches)-maxSwitches].Add(switchWindow).UTC().Format(layout))
}

// checkClass returns a LimitExceededException if a table whose class was set
// at changes, oldest first, must not be given one now, not even the same.
func checkClass(changes []time.Time, now time.Time) error {
	if len(recent(changes, now, classWindow)) < maxClasses {
		return nil
	}
	return limitExceeded("Subscriber limit exceeded: Updates to TableClass are limited to %d times in %d day(s).", maxClasses, classWindow/(24*time.Hour))
}

// changed returns the changes that matter after one at now: those within the
// window before it, and no more than n.
func changed(changes []time.Time, now time.Time, window time.Duration, n int) []time.Time {
	changes = append(recent(changes, now, window), now)
	return changes[max(0, len(changes)-n):]
}

// recent returns the changes within the window that ends now.
func recent(changes []time.Time, now time.Time, window time.Duration) []time.Time {
	return slices.DeleteFunc(slices.Clone(changes), func(at time.Time) bool { return now.Sub(at) >= window })
}

func limitExceeded(format string, args ...any) error {
	return ddberr.New("LimitExceededException", fmt.Sprintf(format, args...))
}
