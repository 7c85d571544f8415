package server

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/statordb/stator/internal/backup"
)

// backupCollector shows how much is backed up.
type backupCollector struct{ backups *backup.Backups }

var (
	descBackups     = prometheus.NewDesc("stator_backups", "Backups of tables.", nil, nil)
	descBackupBytes = prometheus.NewDesc("stator_backup_size_bytes", "Size of the items in all backups, which share their space on disk with the tables.", nil, nil)
)

// Describe implements prometheus.Collector.
func (backupCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- descBackups
	ch <- descBackupBytes
}

// Collect implements prometheus.Collector.
func (c backupCollector) Collect(ch chan<- prometheus.Metric) {
	n, bytes, err := c.backups.Totals(context.Background())
	if err != nil {
		ch <- prometheus.NewInvalidMetric(descBackups, err)
		return
	}
	ch <- prometheus.MustNewConstMetric(descBackups, prometheus.GaugeValue, float64(n))
	ch <- prometheus.MustNewConstMetric(descBackupBytes, prometheus.GaugeValue, float64(bytes))
}
