package transport

import "time"

// handOver passes what is queued for c to its writer.
func (l *Loop) handOver(c *Conn) {
	if c.flags&sealed != 0 {
		l.sealQueue(c)
	}
	s := c.stream
	s.mu.Lock()
	s.frames = append(s.frames, c.out...)
	start := !s.writing && !s.ended
	if start {
		s.writing = true
		l.engine.running.Add(1) // the reader is counted, so Shutdown still waits
	}
	s.mu.Unlock()
	clear(c.out)
	c.out = c.out[:0]
	l.queues.put(c.out)
	c.out = nil
	if start {
		go s.write()
	}
	if c.queued.Load() > batchSize {
		l.congest(c)
	}
}

// write is the writer. It ends when there is nothing left.
func (s *stream) write() {
	l := s.c.loop
	defer l.engine.running.Done()
	var frames []*Frame
	var buf []byte
	for {
		s.mu.Lock()
		if len(s.frames) == 0 || s.ended {
			s.writing = false
			ended := s.ended
			s.mu.Unlock()
			if ended {
				s.drop()
			}
			l.Post(Op{kind: opIdle, conn: s.c})
			return
		}
		frames, s.frames = s.frames, frames[:0]
		s.mu.Unlock()
		var err error
		for i, f := range frames {
			buf = append(buf, f.bytes(s.c.windowBits)...)
			if len(buf) < batchSize && i < len(frames)-1 {
				continue
			}
			if err == nil {
				_, err = s.conn.Write(buf)
			}
			buf = buf[:0]
		}
		s.uncount(frames)
		clear(frames)
		if err != nil {
			l.Post(Op{kind: opEnd, conn: s.c, arg: abnormal(err)})
			s.mu.Lock()
			s.ended = true
			s.mu.Unlock()
		}
	}
}

// drop forgets what will not be written any more.
func (s *stream) drop() {
	s.mu.Lock()
	frames := s.frames
	s.frames = nil
	s.mu.Unlock()
	s.uncount(frames)
}

func (s *stream) uncount(frames []*Frame) {
	var n int64
	for _, f := range frames {
		n += f.Len()
	}
	s.c.queued.Add(-n)
	s.c.loop.queued.Add(-n)
}

// writerIdle is told by a writer that it has ended; on the loop.
func (l *Loop) writerIdle(c *Conn) {
	if c.flags&open == 0 || len(c.out) > 0 {
		return
	}
	s := c.stream
	s.mu.Lock()
	busy := s.writing || len(s.frames) > 0
	s.mu.Unlock()
	if !busy {
		l.emptied(c)
	}
}

// finish closes the sending direction and bounds how long the peer may take to
// do the same.
func (s *stream) finish() {
	s.c.loop.engine.running.Add(1) // the reader is counted
	go func() {
		defer s.c.loop.engine.running.Done()
		_ = s.conn.SetWriteDeadline(time.Now().Add(closeLinger))
		if half, ok := s.conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		s.mu.Lock()
		s.finished = true
		s.mu.Unlock()
		s.changed.Broadcast()
		_ = s.conn.SetReadDeadline(time.Now().Add(closeLinger))
	}()
}
