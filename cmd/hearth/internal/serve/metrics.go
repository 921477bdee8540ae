package serve

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/metrics"
)

// metricsHandler shows the server, the Go runtime and the process.
func metricsHandler(server *hearth.Server) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		metrics.NewCollector(server),
		collectors.NewBuildInfoCollector(),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}
