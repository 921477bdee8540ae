package frame

import "github.com/gobwas/ws"

// Reader parses the incoming bytes of one connection, cut anywhere. It is not
// safe for concurrent use. The zero Reader is ready after Reset.
//
// A connection needs its own Reader only while that is not [Reader.Idle]: a
// loop feeds all its connections through one Reader, Reset before each, and
// leaves it to a connection whose input ended within a frame or a message.
type Reader struct {
	// Static between two Resets.
	cfg     *Config
	deflate bool
	client  bool

	// The frame in progress. Its header while incomplete is head[:headLen];
	// then inPayload is true.
	headLen   int8
	inPayload bool
	head      [MaxHeader]byte
	frame     header
	done      int              // bytes of its payload that have been taken
	control   [MaxControl]byte // the first done of them, if it is a control frame

	// The message in progress; op is Continuation when there is none.
	op         Opcode
	compressed bool
	frames     int
	text       UTF8
	msg        []byte // its payload so far, unmasked; compressed if it is

	// How it ended.
	closed bool  // by a close frame
	err    error // by a violation
}

// Reset prepares r for the bytes of a connection from its first, or from
// behind a point where another Reader was idle. cfg is not copied. deflate
// says that permessage-deflate was negotiated.
func (r *Reader) Reset(cfg *Config, deflate bool) {
	r.cfg, r.deflate, r.client = cfg, deflate, false
	r.headLen, r.inPayload = 0, false
	r.endMessage()
	r.closed, r.err = false, nil
}

// Idle reports that any other Reader could go on in the place of r: it holds
// no part of a frame or a message, and has seen neither a close frame nor a
// violation.
func (r *Reader) Idle() bool {
	return r.headLen == 0 && !r.inPayload && r.op == Continuation && !r.closed && r.err == nil
}

// Buffered returns the bytes of memory that r holds besides itself.
func (r *Reader) Buffered() int { return cap(r.msg) }

// Feed takes the next bytes of the connection and calls h for what they
// complete. It returns how many it has consumed: all of b, unless h asked to
// stop or the peer broke a rule. In that case err is a *[CloseError], and so
// are the results of all further calls. After a close frame everything is
// consumed and ignored.
//
// Feed may change b (it removes the mask in place) and does not keep it. A
// message in one frame that is complete in b and not compressed is passed on
// where it is; what is incomplete is copied to memory that grows with what has
// arrived, to at most the double of it, whatever length a header claims.
func (r *Reader) Feed(b []byte, h Handler) (n int, err error) {
	if r.err != nil {
		return 0, r.err
	}
	for n < len(b) {
		if r.closed {
			return len(b), nil
		}
		if !r.inPayload {
			used, cerr := r.takeHeader(b[n:])
			n += used
			if cerr != nil {
				return n, r.fail(cerr)
			}
			// An empty payload is complete even where b ends.
			if !r.inPayload || n == len(b) && r.frame.length > 0 {
				continue
			}
		}
		used, stop, cerr := r.takePayload(b[n:], h)
		n += used
		if cerr != nil {
			return n, r.fail(cerr)
		}
		if stop {
			return n, nil
		}
	}
	return n, nil
}

// fail ends r with err and drops what it holds.
func (r *Reader) fail(err *CloseError) error {
	r.err = err
	r.dropMessage()
	return err
}

// takeHeader consumes the header of the next frame, or keeps what b has of it.
// Once complete, inPayload is true.
func (r *Reader) takeHeader(b []byte) (used int, err *CloseError) {
	src := b
	if r.headLen > 0 {
		used = copy(r.head[r.headLen:], b)
		src = r.head[:int(r.headLen)+used]
	}
	size, err := r.parseHeader(src)
	if err != nil {
		return 0, err
	}
	if size == 0 {
		r.headLen = int8(copy(r.head[:], src))
		return len(b), nil
	}
	used = size - int(r.headLen)
	r.headLen = 0
	return used, r.startFrame()
}

// startFrame prepares for the payload of a frame whose header is complete.
func (r *Reader) startFrame() *CloseError {
	h := &r.frame
	r.done, r.inPayload = 0, true
	if h.op.IsControl() {
		return nil
	}
	if h.op != Continuation {
		r.op, r.compressed = h.op, h.rsv1
	}
	r.frames++
	free := r.cfg.MaxFragments
	if free <= 0 {
		free = defaultMaxFragments
	}
	if r.frames > free+(len(r.msg)+h.length)/bytesPerFrame {
		return errTooMany
	}
	return nil
}

// takePayload consumes what b has of the payload of the frame in progress, and
// passes on what that completes.
func (r *Reader) takePayload(b []byte, h Handler) (used int, stop bool, err *CloseError) {
	p := b[:min(len(b), r.frame.length-r.done)]
	if r.frame.masked {
		ws.Cipher(p, r.frame.key, r.done)
	}
	if r.frame.op.IsControl() {
		stop, err = r.takeControl(p, h)
	} else {
		stop, err = r.takeData(p, h)
	}
	return len(p), stop, err
}

// takeControl takes the next bytes of a control frame.
func (r *Reader) takeControl(p []byte, h Handler) (stop bool, err *CloseError) {
	if len(p) < r.frame.length {
		copy(r.control[r.done:], p)
		p = r.control[:r.done+len(p)]
	}
	if r.inPayload = len(p) < r.frame.length; r.inPayload {
		r.done = len(p)
		return false, nil
	}
	if r.frame.op == Close {
		if err := checkClose(p); err != nil {
			return false, err
		}
		r.closed = true
		r.dropMessage()
	}
	return h.Control(r.frame.op, p), nil
}
