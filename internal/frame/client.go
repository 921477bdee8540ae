package frame

import "github.com/gobwas/ws"

// ResetClient is [Reader.Reset] for a client, whose incoming frames must not
// be masked (RFC 6455, section 5.1).
func (r *Reader) ResetClient(cfg *Config, deflate bool) {
	r.Reset(cfg, deflate)
	r.client = true
}

// AppendMasked appends a whole frame as a client sends it, masked with key.
// payload is copied and stays as it is; rsv1 says that it is compressed.
func AppendMasked(dst []byte, op Opcode, fin, rsv1 bool, payload []byte, key [4]byte) []byte {
	dst = appendHeader(dst, op, fin, rsv1, len(payload), bitMask)
	dst = append(dst, key[:]...)
	start := len(dst)
	dst = append(dst, payload...)
	ws.Cipher(dst[start:], key, 0)
	return dst
}
