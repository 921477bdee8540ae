package bench

import "testing"

func BenchmarkRecord(b *testing.B) {
	w := &worker{hist: newHistogram(), until: never, now: 20_000_000}
	for i := range b.N {
		w.record(w.now - int64(i)*997%20_000_000)
	}
}

// BenchmarkFanout is what a delivery costs when the same frame has been seen,
// in one read with 63 others.
func BenchmarkFanout(b *testing.B) {
	r := &run{bodies: newBodies(128), dialect: Dialects()[1]}
	w, err := newWorker(r)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		r.ended.Store(true)
		r.goroutines.Wait()
	}()
	w.until = never
	const burst = 64
	var batch []byte
	for seq := range uint32(burst) {
		body := r.bodies.append([]byte(`{"event":"msg","data":`), stamp{0, seq, 1})
		batch = append(batch, 0x81, 126, byte((len(body)+1)>>8), byte(len(body)+1))
		batch = append(append(batch, body...), '}')
	}
	c := &conn{w: w, state: admitted, streams: []expect{{}}}
	for b.Loop() {
		c.streams[0].next = 0
		c.feed(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/burst, "ns/delivery")
	if w.faults.any() {
		b.Fatalf("faults: %+v", w.faults)
	}
}
