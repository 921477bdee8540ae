package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"
)

// record is a result of hearth bench, one line of the file of results.
type record struct {
	Scenario    string `json:"scenario"`
	Measurement string `json:"measurement"`
	Server      string `json:"server"`
	Round       int    `json:"round"`
	Commit      string `json:"commit"`
	Result      result `json:"result"`
}

// result is what is used of hearth bench's.
type result struct {
	Connections struct {
		PerSecond    float64 `json:"per_second"`
		ServerMicros float64 `json:"server_cpu_us"`
	} `json:"connections"`
	Measured struct {
		PerSecond    float64 `json:"per_second"`
		ServerMicros float64 `json:"server_cpu_us"`
		ServerCores  float64 `json:"server_cores"`
		LoadCores    float64 `json:"load_cores"`
	} `json:"measured"`
	Idle struct {
		ServerKiB float64 `json:"server_kib"`
	} `json:"idle"`
	Latency struct {
		P50 float64 `json:"p50_ms"`
		P99 float64 `json:"p99_ms"`
	} `json:"latency"`
	Faults struct {
		Missing    int64  `json:"missing"`
		Duplicate  int64  `json:"duplicate"`
		OutOfOrder int64  `json:"out_of_order"`
		Altered    int64  `json:"altered"`
		First      string `json:"first"`
	} `json:"faults"`
	OK bool `json:"ok"`
}

// readRecords are none if there is no file.
func readRecords(file string) (all []record, err error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, lines.Err()
}

func appendRecords(file string, records []record) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := json.NewEncoder(f).Encode(r); err != nil {
			f.Close()
			return err
		}
	}
	return f.Close()
}

// median of a value over the rounds, and how many there were.
func median(all []record, scenario, measurement, server string, value func(*result) float64) (m float64, n int) {
	var values []float64
	for _, r := range all {
		if r.Scenario == scenario && r.Measurement == measurement && r.Server == server {
			values = append(values, value(&r.Result))
		}
	}
	if len(values) == 0 {
		return 0, 0
	}
	slices.Sort(values)
	n = len(values)
	return (values[(n-1)/2] + values[n/2]) / 2, n
}
