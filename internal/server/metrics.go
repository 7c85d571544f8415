package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"github.com/statordb/stator/internal/api"
	"github.com/statordb/stator/internal/kv"
	"github.com/statordb/stator/internal/table"
)

// Metrics counts requests and shows them, with the figures of the store and
// of the process, in Prometheus' format.
type Metrics struct {
	latency map[string]prometheus.Observer // of successful requests, by operation
	errors  *prometheus.CounterVec
	handler fasthttp.RequestHandler
}

// NewMetrics returns metrics that show the figures of store and engine.
func NewMetrics(store kv.Store, engine *table.Engine) *Metrics {
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
	}
	for _, name := range api.Names() {
		m.latency[name] = latency.WithLabelValues(name)
	}
	registry.MustRegister(latency, m.errors, storeCollector{store, engine},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return m
}

func (m *Metrics) write(c *fasthttp.RequestCtx) { m.handler(c) }

// observe counts the answer to a request for the operation name, which may be
// anything that a client sent.
func (m *Metrics) observe(name string, res api.Result, took time.Duration) {
	latency := m.latency[name]
	if latency == nil {
		name = "unknown"
	}
	if res.Code != "" {
		m.errors.WithLabelValues(name, res.Code).Inc()
		return
	}
	latency.Observe(took.Seconds())
}

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

// Describe implements prometheus.Collector.
func (storeCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descDisk, descCache, descHits, descMisses, descCommits, descSyncs, descBackfill} {
		ch <- d
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
	for _, b := range s.engine.Backfills() {
		ch <- prometheus.MustNewConstMetric(descBackfill, prometheus.GaugeValue, b.Percent, b.Table, b.Index)
	}
}
