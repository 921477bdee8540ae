package transcript

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
)

// The opcodes of RFC 6455 section 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// maxFrame bounds what the reader accepts from a server, in bytes.
const maxFrame = 64 << 20

// frame is one WebSocket frame, or something that only looks like one: every
// field is written as it is, so that a play can break any rule.
type frame struct {
	fin      bool
	rsv      byte // RSV1 is 4, RSV2 is 2, RSV3 is 1
	opcode   byte
	unmasked bool
	longest  bool // the length takes 64 bits whatever it is
	payload  []byte
}

// append writes f as a client does, RFC 6455 section 5.2.
func (f *frame) append(dst []byte) []byte {
	head := f.rsv<<4 | f.opcode
	if f.fin {
		head |= 0x80
	}
	var masked byte
	if !f.unmasked {
		masked = 0x80
	}
	dst = append(dst, head)
	switch n := len(f.payload); {
	case f.longest || n > 0xFFFF:
		dst = binary.BigEndian.AppendUint64(append(dst, masked|127), uint64(n))
	case n > 125:
		dst = binary.BigEndian.AppendUint16(append(dst, masked|126), uint16(n))
	default:
		dst = append(dst, masked|byte(n))
	}
	if f.unmasked {
		return append(dst, f.payload...)
	}
	var key [4]byte
	rand.Read(key[:])
	dst = append(dst, key[:]...)
	for i, b := range f.payload {
		dst = append(dst, b^key[i&3])
	}
	return dst
}

// readFrame reads a frame of a server. What a server must never send is an
// error: a mask, reserved bits, an oversized control frame.
func readFrame(r *bufio.Reader) (frame, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{fin: head[0]&0x80 != 0, rsv: head[0] >> 4 & 7, opcode: head[0] & 0xF}
	if f.rsv != 0 {
		return f, fmt.Errorf("transcript: server set reserved bits %03b", f.rsv)
	}
	if head[1]&0x80 != 0 {
		return f, fmt.Errorf("transcript: server masked a frame")
	}
	size := uint64(head[1])
	switch size {
	case 126:
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return f, err
		}
		size = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return f, err
		}
		size = binary.BigEndian.Uint64(b[:])
	}
	if size > maxFrame || f.opcode >= opClose && (size > 125 || !f.fin) {
		return f, fmt.Errorf("transcript: server sent opcode %#x of %d bytes, fin %t", f.opcode, size, f.fin)
	}
	f.payload = make([]byte, size)
	_, err := io.ReadFull(r, f.payload)
	return f, err
}
