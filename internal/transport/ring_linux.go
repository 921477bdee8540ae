package transport

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring hands many writes to the kernel with one system call, by io_uring, of
// which it uses nothing else. All are done or refused when the call returns:
// MSG_DONTWAIT lets none of them wait.
type ring struct {
	fd     int
	queues []byte // mapped memory of both queues
	slots  []byte // mapped memory of submissions

	sqHead, sqTail, sqMask, cqHead, cqTail, cqMask *uint32

	order       []uint32 // of submissions: indices
	submissions []submission
	completions []completion
}

// submission is struct io_uring_sqe, for IORING_OP_SEND.
type submission struct {
	opcode, flags uint8
	priority      uint16
	fd            int32
	_             uint64
	addr          uint64
	len, msgFlags uint32
	user          uint64
	_             [3]uint64
}

// completion is struct io_uring_cqe.
type completion struct {
	user   uint64
	result int32
	flags  uint32
}

// ringParams is struct io_uring_params, with the offsets of what it maps.
type ringParams struct {
	sqEntries, cqEntries, flags, cpu, idle, features, workers uint32
	_                                                         [3]uint32

	sq struct {
		head, tail, mask, size, flags, dropped, array, _ uint32
		_                                                uint64
	}
	cq struct {
		head, tail, mask, size, overflow, entries, flags, _ uint32
		_                                                   uint64
	}
}

// Constants of include/uapi/linux/io_uring.h.
const (
	ringSlots = 0x10000000  // IORING_OFF_SQES
	ringNeeds = 1<<0 | 1<<9 // IORING_FEAT_SINGLE_MMAP, IORING_FEAT_NATIVE_WORKERS
	ringWait  = 1 << 0      // IORING_ENTER_GETEVENTS
	ringSend  = 26          // IORING_OP_SEND
)

// newRing fails where the kernel has no io_uring, or forbids it.
func newRing(size int) (*ring, error) {
	var p ringParams
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(size), uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, os.NewSyscallError("io_uring_setup", errno)
	}
	return mapRing(int(fd), &p)
}

// mapRing is the ring that the kernel has set up behind fd, which it closes when
// it fails.
func mapRing(fd int, p *ringParams) (*ring, error) {
	r := &ring{fd: fd}
	if err := r.open(p); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *ring) open(p *ringParams) (err error) {
	if p.features&ringNeeds != ringNeeds {
		return errors.New("io_uring_setup: this needs Linux 5.12")
	}
	end := max(p.sq.array+p.sqEntries*4, p.cq.entries+p.cqEntries*uint32(unsafe.Sizeof(completion{})))
	if r.queues, err = ringMap(r.fd, 0, int(end)); err != nil {
		return err
	}
	if r.slots, err = ringMap(r.fd, ringSlots, int(p.sqEntries)*int(unsafe.Sizeof(submission{}))); err != nil {
		return err
	}
	word := func(at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.queues[at])) }
	r.sqHead, r.sqTail, r.sqMask = word(p.sq.head), word(p.sq.tail), word(p.sq.mask)
	r.cqHead, r.cqTail, r.cqMask = word(p.cq.head), word(p.cq.tail), word(p.cq.mask)
	r.order = unsafe.Slice(word(p.sq.array), p.sqEntries)
	r.submissions = unsafe.Slice((*submission)(unsafe.Pointer(&r.slots[0])), p.sqEntries)
	r.completions = unsafe.Slice((*completion)(unsafe.Pointer(&r.queues[p.cq.entries])), p.cqEntries)
	return nil
}

func ringMap(fd, offset, size int) ([]byte, error) {
	p, err := unix.Mmap(fd, int64(offset), size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	return p, os.NewSyscallError("mmap", err)
}

// write does writes, at most as many as newRing was told. It returns how many
// have a result: the first, all of them unless the kernel refuses to go on.
func (r *ring) write(writes []writing, enter func(fd, submit, wait int) (int, syscall.Errno)) (done int) {
	for i := range writes {
		r.submit(i, &writes[i])
	}
	for done < len(writes) {
		left := int(*r.sqTail - atomic.LoadUint32(r.sqHead))
		_, errno := enter(r.fd, left, len(writes)-done)
		done += r.complete(writes)
		if errno != 0 && errno != syscall.EINTR {
			// What it did not take it must not find later.
			atomic.StoreUint32(r.sqTail, atomic.LoadUint32(r.sqHead))
			break
		}
	}
	return done
}

// submit adds w, the i-th, to what the kernel is given next.
func (r *ring) submit(i int, w *writing) {
	tail := *r.sqTail
	at := tail & *r.sqMask
	r.submissions[at] = submission{
		opcode: ringSend, fd: w.conn.fd, user: uint64(i),
		addr: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(w.p)))), len: uint32(len(w.p)),
		msgFlags: unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT,
	}
	r.order[at] = at
	atomic.StoreUint32(r.sqTail, tail+1)
}

// complete takes the results that there are, and returns how many.
func (r *ring) complete(writes []writing) (n int) {
	head := *r.cqHead
	for ; head != atomic.LoadUint32(r.cqTail); head++ {
		c := &r.completions[head&*r.cqMask]
		w := &writes[c.user]
		if c.result < 0 {
			w.n, w.err = errnoErr(0, syscall.Errno(-c.result))
		} else {
			w.n, w.err = int(c.result), nil
		}
		n++
	}
	atomic.StoreUint32(r.cqHead, head)
	return n
}

func (r *ring) close() {
	for _, p := range [][]byte{r.slots, r.queues} {
		if p != nil {
			_ = unix.Munmap(p)
		}
	}
	unix.Close(r.fd)
}
