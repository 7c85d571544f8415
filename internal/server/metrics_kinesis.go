package server

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/statordb/stator/internal/trigger"
)

// kinesisCollector shows how far the Kinesis destinations are, in figures named
// after CloudWatch's.
type kinesisCollector struct{ kinesis *trigger.Kinesis }

var (
	descCaptured     = kinesisDesc("consumed_change_data_capture_units_total", "Change data capture units consumed.")
	descPutThrottled = kinesisDesc("throttled_put_record_count_total", "Records that the data stream throttled; they are sent again.")
	descUnreplicated = kinesisDesc("failed_to_replicate_record_count_total", "Records given up: too large, or older than 24 hours.")
	descOldest       = kinesisDesc("age_of_oldest_unreplicated_record_seconds", "Age of the oldest record being sent, 0 if none is.")
)

func kinesisDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("stator_"+name, help, []string{"table"}, nil)
}

// Describe implements prometheus.Collector.
func (kinesisCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descCaptured, descPutThrottled, descUnreplicated, descOldest} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c kinesisCollector) Collect(ch chan<- prometheus.Metric) {
	for _, f := range c.kinesis.Figures() {
		ch <- prometheus.MustNewConstMetric(descCaptured, prometheus.CounterValue, float64(f.Units), f.Table)
		ch <- prometheus.MustNewConstMetric(descPutThrottled, prometheus.CounterValue, float64(f.Throttled), f.Table)
		ch <- prometheus.MustNewConstMetric(descUnreplicated, prometheus.CounterValue, float64(f.FailedToReplicate), f.Table)
		ch <- prometheus.MustNewConstMetric(descOldest, prometheus.GaugeValue, f.OldestUnreplicated.Seconds(), f.Table)
	}
}
