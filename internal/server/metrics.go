package server

import (
	"net/netip"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/backup"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/meter"
	"github.com/statordb/stator/internal/table"
	"github.com/statordb/stator/internal/trigger"
)

// Metrics counts requests and shows them, with the figures of the store and
// of the process, in Prometheus' format.
type Metrics struct {
	latency map[string]prometheus.Observer // of successful requests, by operation
	errors  *prometheus.CounterVec
	turned  *prometheus.CounterVec
	handler fasthttp.RequestHandler
}

// NewMetrics returns metrics that show the figures of store, engine, backups and,
// unless it is nil, kinesis.
func NewMetrics(store kv.Store, engine *table.Engine, backups *backup.Backups, kinesis *trigger.Kinesis) *Metrics {
	registry := prometheus.NewRegistry()
	latency := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "stator_successful_request_latency_seconds", Help: "Time from a request read to its answer, by operation.",
		Buckets: prometheus.ExponentialBuckets(50e-6, 2, 16),
	}, []string{"operation"})
	m := &Metrics{
		latency: map[string]prometheus.Observer{},
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stator_request_errors_total", Help: "Requests answered with an error, by operation and code.",
		}, []string{"operation", "code"}),
		turned: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "stator_refused_connections_total", Help: "Connections refused because there were too many, by the limit that was met.",
		}, []string{"limit"}),
	}
	for _, name := range api.Names() {
		m.latency[name] = latency.WithLabelValues(name)
	}
	registry.MustRegister(latency, m.errors, m.turned, storeCollector{store, engine}, backupCollector{backups},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if kinesis != nil {
		registry.MustRegister(kinesisCollector{kinesis})
	}
	m.handler = fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return m
}

// metrics answers /metrics. It has the names of all tables, so that under Identity
// not everybody may see it.
func (s *Server) metrics(c *fasthttp.RequestCtx) {
	from, _ := s.Proxies.origin(c)
	known := slices.ContainsFunc(s.MetricsFrom, func(p netip.Prefix) bool { return p.Contains(from) })
	if s.Identity != nil && !known && !local(c) {
		s.notFound(c)
		return
	}
	s.Metrics.handler(c)
}

// observe counts the answer to a request for the operation name, which is
// empty if DynamoDB has none such.
func (m *Metrics) observe(name string, res api.Result, took time.Duration) {
	if res.Code == "" {
		m.latency[name].Observe(took.Seconds())
		return
	}
	if name == "" {
		name = "unknown"
	}
	m.errors.WithLabelValues(name, res.Code).Inc()
}

// refused counts a request of which no operation is known.
func (m *Metrics) refused(code string) { m.errors.WithLabelValues("unknown", code).Inc() }

// turnedAway counts a connection for which there was no room.
func (m *Metrics) turnedAway(limit string) { m.turned.WithLabelValues(limit).Inc() }

// storeCollector shows kv.Stats and the progress of indexes being created.
type storeCollector struct {
	store  kv.Store
	engine *table.Engine
}

var (
	descDisk     = prometheus.NewDesc("stator_store_disk_bytes", "Space that the store uses on disk.", nil, nil)
	descCache    = prometheus.NewDesc("stator_store_cache_bytes", "Block cache in use.", nil, nil)
	descHits     = prometheus.NewDesc("stator_store_cache_hits_total", "Block reads answered by the cache.", nil, nil)
	descMisses   = prometheus.NewDesc("stator_store_cache_misses_total", "Block reads that went to the disk.", nil, nil)
	descCommits  = prometheus.NewDesc("stator_store_commits_total", "Committed transactions.", nil, nil)
	descSyncs    = prometheus.NewDesc("stator_store_syncs_total", "Syncs of the write-ahead log.", nil, nil)
	descBackfill = prometheus.NewDesc("stator_online_index_percentage_progress", "Items added to an index that is being created, in percent of the table's.", []string{"table", "index"}, nil)
)

// The figures of tables and global secondary indexes, named after
// CloudWatch's: ConsumedReadCapacityUnits is here
// stator_consumed_read_capacity_units_total.
var (
	capacityLabels  = []string{"table", "index"}
	descConsumed    = [2]*prometheus.Desc{capacityDesc("consumed_read_capacity_units_total", "Read capacity units consumed."), capacityDesc("consumed_write_capacity_units_total", "Write capacity units consumed.")}
	descThrottled   = [2]*prometheus.Desc{capacityDesc("read_throttle_events_total", "Reads refused for want of capacity."), capacityDesc("write_throttle_events_total", "Writes refused for want of capacity.")}
	descProvisioned = [2]*prometheus.Desc{capacityDesc("provisioned_read_capacity_units", "Provisioned read capacity units per second."), capacityDesc("provisioned_write_capacity_units", "Provisioned write capacity units per second.")}
	descExpired     = prometheus.NewDesc("stator_time_to_live_deleted_item_count_total", "Items deleted because their time to live was over.", []string{"table"}, nil)
	descItems       = capacityDesc("item_count", "Items, or entries of an index.")
	descBytes       = capacityDesc("size_bytes", "Size of the items, or of the entries of an index.")
)

func capacityDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("stator_"+name, help, capacityLabels, nil)
}

// collectTable shows the figures of t, or of its index x if not nil.
func collectTable(ch chan<- prometheus.Metric, t *table.Table, x *table.Index) {
	space, index := t.Space, ""
	if x != nil {
		space, index = x.Space, x.Name
	}
	count := t.Counts.Of(space)
	ch <- prometheus.MustNewConstMetric(descItems, prometheus.GaugeValue, float64(count.Items), t.Name, index)
	ch <- prometheus.MustNewConstMetric(descBytes, prometheus.GaugeValue, float64(count.Bytes), t.Name, index)
	if x != nil && !x.Global {
		return // consumes its table's capacity
	}
	m := t.Meter(x)
	for _, k := range []meter.Kind{meter.Read, meter.Write} {
		ch <- prometheus.MustNewConstMetric(descConsumed[k], prometheus.CounterValue, m.Consumed(k), t.Name, index)
		ch <- prometheus.MustNewConstMetric(descThrottled[k], prometheus.CounterValue, float64(m.Throttled(k)), t.Name, index)
		ch <- prometheus.MustNewConstMetric(descProvisioned[k], prometheus.GaugeValue, m.Configured().Units[k], t.Name, index)
	}
}

// Describe implements prometheus.Collector.
func (storeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descDisk, descCache, descHits, descMisses, descCommits, descSyncs, descBackfill, descExpired, descItems, descBytes} {
		ch <- d
	}
	for k := range descConsumed {
		ch <- descConsumed[k]
		ch <- descThrottled[k]
		ch <- descProvisioned[k]
	}
}

// Collect implements prometheus.Collector.
func (s storeCollector) Collect(ch chan<- prometheus.Metric) {
	st := s.store.Stats()
	ch <- prometheus.MustNewConstMetric(descDisk, prometheus.GaugeValue, float64(st.DiskBytes))
	ch <- prometheus.MustNewConstMetric(descCache, prometheus.GaugeValue, float64(st.CacheBytes))
	ch <- prometheus.MustNewConstMetric(descHits, prometheus.CounterValue, float64(st.CacheHits))
	ch <- prometheus.MustNewConstMetric(descMisses, prometheus.CounterValue, float64(st.CacheMisses))
	ch <- prometheus.MustNewConstMetric(descCommits, prometheus.CounterValue, float64(st.Commits))
	ch <- prometheus.MustNewConstMetric(descSyncs, prometheus.CounterValue, float64(st.Syncs))
	s.engine.Each(func(t *table.Table) {
		ch <- prometheus.MustNewConstMetric(descExpired, prometheus.CounterValue, float64(t.Counts.Expired()), t.Name)
		collectTable(ch, t, nil)
		for _, x := range t.Indexes {
			collectTable(ch, t, x)
		}
	})
	for _, b := range s.engine.Backfills() {
		ch <- prometheus.MustNewConstMetric(descBackfill, prometheus.GaugeValue, b.Percent, b.Table, b.Index)
	}
}
