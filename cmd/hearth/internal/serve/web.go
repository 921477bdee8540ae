package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/playground"
)

// Bounds for requests, which are short: clients are not served by net/http once
// they are connected.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 16 << 10
)

// web is the node's HTTP servers.
type web struct {
	public, private *http.Server
	serving         sync.WaitGroup
	failed          chan error // one for each server at most
}

func newWeb(n *node) *web {
	public, private := http.NewServeMux(), http.NewServeMux()
	public.HandleFunc(n.server.Path(), n.upgrade)
	public.HandleFunc("GET /healthz", n.healthz)
	public.HandleFunc("GET /readyz", n.readyz)
	metrics := metricsHandler(n.server)
	if n.cfg.MetricsAddr == "" {
		public.Handle("GET /metrics", metrics)
	}
	private.Handle("GET /metrics", metrics)
	if n.server.Path() != "/" {
		public.Handle("/", n.page())
	}
	return &web{
		public: newHTTPServer(public, n.log), private: newHTTPServer(private, n.log),
		failed: make(chan error, 2),
	}
}

func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelInfo),
	}
}

// serve accepts connections of public, with TLS if there is a configuration
// for it, and of private, if that is not nil.
func (w *web) serve(public, private net.Listener, config *tls.Config) {
	w.public.TLSConfig = config
	w.serving.Go(func() {
		if config != nil {
			w.ended(w.public.ServeTLS(public, "", ""))
			return
		}
		w.ended(w.public.Serve(public))
	})
	if private != nil {
		w.serving.Go(func() { w.ended(w.private.Serve(private)) })
	}
}

func (w *web) ended(err error) {
	if !errors.Is(err, http.ErrServerClosed) {
		w.failed <- err
	}
}

// shutdown waits for requests that are under way; clients are not its affair.
func (w *web) shutdown(ctx context.Context) error {
	err := errors.Join(w.public.Shutdown(ctx), w.private.Shutdown(ctx))
	if err != nil {
		_ = w.public.Close()
		_ = w.private.Close()
	}
	w.serving.Wait()
	return err
}

// upgrade admits nobody while the node drains: a client that was just told to
// go would be back at once.
func (n *node) upgrade(w http.ResponseWriter, r *http.Request) {
	if n.draining.Load() {
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Connection", "close")
		http.Error(w, "The server is shutting down; try another one.", http.StatusServiceUnavailable)
		return
	}
	n.server.ServeHTTP(w, r)
}

// page is what a browser sees at /.
func (n *node) page() http.Handler {
	if n.hasPage() {
		return playground.Handler()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		answer(w, http.StatusOK, "This is a Hearth server. Its WebSocket is at "+n.server.Path()+".")
	})
}

// healthz answers as long as the process does.
func (n *node) healthz(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") }

// readyz tells whether new clients should come here.
func (n *node) readyz(w http.ResponseWriter, _ *http.Request) {
	stats := n.server.Stats()
	switch {
	case n.draining.Load():
		answer(w, http.StatusServiceUnavailable, "draining")
	case stats.Broker.State != hearth.BrokerConnected:
		answer(w, http.StatusServiceUnavailable, stats.Broker.Kind+" "+string(stats.Broker.State))
	case !stats.Ready:
		answer(w, http.StatusServiceUnavailable, "not ready")
	default:
		answer(w, http.StatusOK, "ready")
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
