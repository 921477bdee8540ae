package bench

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a run has measured. Times are in the unit of their name; what
// is unknown is left out.
type Result struct {
	Scenario   string   `json:"scenario"`
	URLs       []string `json:"urls"`
	Dialect    string   `json:"dialect"`
	Clients    int      `json:"clients"`
	Publishers int      `json:"publishers,omitempty"`
	Rooms      int      `json:"rooms,omitempty"`
	Rate       float64  `json:"rate,omitempty"`   // intended operations a second; 0: closed loop
	Window     int      `json:"window,omitempty"` // of the closed loop
	Size       int      `json:"size,omitempty"`   // of the data of a message in bytes
	Workers    int      `json:"workers"`
	Compressed bool     `json:"compressed,omitempty"`
	Encrypted  bool     `json:"encrypted,omitempty"`

	Connections *Connections `json:"connections,omitempty"`
	Measured    *Measured    `json:"measured,omitempty"`
	Idle        *Resting     `json:"idle,omitempty"`
	Churn       *Churned     `json:"churn,omitempty"`

	Published int64    `json:"published,omitempty"` // in the whole run, warm-up included
	Receivers int64    `json:"receivers,omitempty"` // of a message, or in all rooms together
	Latency   *Latency `json:"latency,omitempty"`
	Faults    Faults   `json:"faults"`
	OK        bool     `json:"ok"`

	hist *hdrhistogram.Histogram
}

// Connections is how connecting and authenticating went.
type Connections struct {
	Asked           int      `json:"asked"`
	Opened          int      `json:"opened"`
	Seconds         float64  `json:"seconds"`
	PerSecond       float64  `json:"per_second"`
	ServerMicros    *float64 `json:"server_cpu_us,omitempty"` // processor time for one
	ServerKiB       *float64 `json:"server_kib,omitempty"`    // resident memory for one
	ServerMemoryKiB *float64 `json:"server_memory_kib,omitempty"`
	ServerCores     *float64 `json:"server_cores,omitempty"`
	LoadCores       float64  `json:"load_cores"`
}

// Measured is what happened in the measured time.
type Measured struct {
	Seconds         float64  `json:"seconds"`
	Deliveries      int64    `json:"deliveries"`
	PerSecond       float64  `json:"per_second"`
	ServerCores     *float64 `json:"server_cores,omitempty"`
	ServerMicros    *float64 `json:"server_cpu_us,omitempty"` // processor time for one delivery
	ServerMemoryKiB *float64 `json:"server_memory_kib,omitempty"`
	LoadCores       float64  `json:"load_cores"`
}

// Resting is what clients cost that are just there.
type Resting struct {
	ServerKiB       *float64 `json:"server_kib,omitempty"` // resident memory for one
	ServerMemoryKiB *float64 `json:"server_memory_kib,omitempty"`
}

// Churned is how many came and went.
type Churned struct {
	Lives     int64   `json:"lives"`
	PerSecond float64 `json:"per_second"`
}

// Latency is in milliseconds, from when a message was meant to be sent, or a
// client to connect, until the message had arrived, or the client was admitted.
type Latency struct {
	Count int64   `json:"count"`
	Min   float64 `json:"min_ms"`
	Mean  float64 `json:"mean_ms"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

func newResult(cfg *Config) *Result {
	r := &Result{Scenario: cfg.Scenario, URLs: cfg.URLs, Clients: cfg.Clients, Rate: cfg.Rate, Workers: workers(cfg.Workers), Encrypted: cfg.Encrypt}
	if cfg.Scenario == Rooms {
		r.Rooms = cfg.Rooms
	}
	if cfg.Scenario != Connect && cfg.Scenario != Idle {
		r.Size = max(cfg.Size, minSize)
		if cfg.Rate == 0 {
			r.Window = cfg.Window
		}
	}
	return r
}

// per is a share, or nil if it is not known.
func per(known bool, total, parts float64) *float64 {
	if !known || parts <= 0 {
		return nil
	}
	share := total / parts
	return &share
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func kib(bytes int64) float64        { return float64(bytes) / 1024 }

func (r *Result) connections(asked, opened int, took int64, before, after usage) {
	d := time.Duration(took)
	known, n := after.known && before.known, float64(opened)
	r.Connections = &Connections{
		Asked: asked, Opened: opened, Seconds: d.Seconds(), PerSecond: n / d.Seconds(),
		ServerMicros:    per(known, micros(after.server-before.server), n),
		ServerKiB:       per(known, kib(after.memory-before.memory), n),
		ServerMemoryKiB: per(known, kib(after.memory), 1),
		ServerCores:     per(known, (after.server - before.server).Seconds(), d.Seconds()),
		LoadCores:       (after.load - before.load).Seconds() / d.Seconds(),
	}
}

func (r *Result) measured(took, deliveries int64, before, after usage) {
	d := time.Duration(took)
	known := after.known && before.known
	r.Measured = &Measured{
		Seconds: d.Seconds(), Deliveries: deliveries, PerSecond: float64(deliveries) / d.Seconds(),
		ServerCores:     per(known, (after.server - before.server).Seconds(), d.Seconds()),
		ServerMicros:    per(known, micros(after.server-before.server), float64(deliveries)),
		ServerMemoryKiB: per(known, kib(after.memory), 1),
		LoadCores:       (after.load - before.load).Seconds() / d.Seconds(),
	}
}

func (r *Result) resting(before, after usage) {
	known := after.known && before.known
	r.Idle = &Resting{
		ServerKiB:       per(known, kib(after.memory-before.memory), float64(r.Connections.Opened)),
		ServerMemoryKiB: per(known, kib(after.memory), 1),
	}
}

func (r *Result) churned(lives int64, took time.Duration) {
	r.Churn = &Churned{Lives: lives, PerSecond: float64(lives) / took.Seconds()}
}

func (r *Result) latencies(h *hdrhistogram.Histogram) {
	r.hist = h
	if h.TotalCount() == 0 {
		return
	}
	ms := func(ns float64) float64 { return ns / float64(time.Millisecond) }
	at := func(q float64) float64 { return ms(float64(h.ValueAtQuantile(q))) }
	r.Latency = &Latency{
		Count: h.TotalCount(), Min: ms(float64(h.Min())), Mean: ms(h.Mean()),
		P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: ms(float64(h.Max())),
	}
}
