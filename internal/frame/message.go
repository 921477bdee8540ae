package frame

// keep is the capacity in bytes up to which a Reader keeps its buffer for the
// next message. It is small because the Reader, buffer and all, may be left to
// a connection that has sent a single byte.
const keep = 4 << 10

var (
	errTooLong  = &CloseError{1009, "message too long"}
	errTooMany  = &CloseError{1008, "message in too many fragments"}
	errNotUTF8  = &CloseError{1007, "text is not UTF-8"}
	errDeflated = &CloseError{1007, "compressed data is corrupt"}
)

// takeData takes the next bytes of a frame of a message.
func (r *Reader) takeData(p []byte, h Handler) (stop bool, err *CloseError) {
	fresh := r.done == 0 && len(r.msg) == 0
	r.done += len(p)
	r.inPayload = r.done < r.frame.length
	last := r.frame.fin && !r.inPayload

	if r.op == Text && !r.compressed && !(r.text.Write(p) && (!last || r.text.Complete())) {
		return false, errNotUTF8
	}
	if fresh && last && !r.compressed {
		return r.deliver(p, h)
	}
	r.store(p)
	if !last {
		return false, nil
	}
	return r.deliver(r.msg, h)
}

// store keeps p as the next bytes of the message. Memory grows with what has
// arrived, so that claiming a long frame costs the peer as much as the server.
func (r *Reader) store(p []byte) {
	need := len(r.msg) + len(p)
	if need+len(deflateTail) > cap(r.msg) {
		room := max(need, min(2*need, r.limit()))
		if r.frame.fin {
			room = min(room, need+r.frame.length-r.done)
		}
		msg := make([]byte, len(r.msg), room+len(deflateTail))
		copy(msg, r.msg)
		r.msg = msg
	}
	r.msg = append(r.msg, p...)
}

// limit is how long the message in progress may get, as it is sent.
func (r *Reader) limit() int {
	if r.compressed {
		return int(deflateBound(uint64(max(r.cfg.MaxMessage, 0))))
	}
	return r.cfg.MaxMessage
}

// deliver ends the message and passes it on. payload may lie in r.msg.
func (r *Reader) deliver(payload []byte, h Handler) (stop bool, err *CloseError) {
	op, compressed := r.op, r.compressed
	r.endMessage()
	if !compressed {
		return h.Message(op, payload), nil
	}
	inf := inflaters.Get().(*inflater)
	defer inf.free()
	out, err := inf.inflate(payload, r.cfg.MaxMessage, op == Text)
	if err != nil {
		return false, err
	}
	return h.Message(op, out), nil
}

// endMessage makes r ready for the next message.
func (r *Reader) endMessage() {
	r.op, r.compressed, r.frames, r.text = Continuation, false, 0, UTF8{}
	if cap(r.msg) > keep {
		r.msg = nil
	}
	r.msg = r.msg[:0]
}

// dropMessage gives up the message in progress, and the memory it has.
func (r *Reader) dropMessage() {
	r.endMessage()
	r.msg = nil
}
