package hearth

import (
	"net/netip"
	"sync"
)

// doorway counts the clients that are not authenticated yet, in all and by
// address.
type doorway struct {
	// Static after construction.
	most       int
	mostByAddr int
	everywhere bool // mostByAddr concerns addresses that are not public, too

	// Guarded by mu.
	mu     sync.Mutex
	count  int
	byAddr map[netip.Addr]int
}

// newDoorway expects opts as the caller of New wrote them, and limits with
// their defaults.
func newDoorway(opts, limits *Options) *doorway {
	return &doorway{
		most: limits.MaxUnauthenticated, mostByAddr: limits.MaxUnauthenticatedPerAddress,
		everywhere: opts.MaxUnauthenticatedPerAddress != 0,
		byAddr:     make(map[netip.Addr]int),
	}
}

// enter lets a client of address remote in, or returns why not.
func (d *doorway) enter(remote string) (reason string) {
	addr, limited := d.source(remote)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.count >= d.most:
		return refusedUnauthenticated
	case limited && d.byAddr[addr] >= d.mostByAddr:
		return refusedAddress
	}
	d.count++
	if limited {
		d.byAddr[addr]++
	}
	return ""
}

// leave follows enter, once for each, when the client is authenticated or gone.
func (d *doorway) leave(remote string) {
	addr, limited := d.source(remote)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count--
	if !limited {
		return
	}
	if d.byAddr[addr]--; d.byAddr[addr] == 0 {
		delete(d.byAddr, addr)
	}
}

// counts are those of all, and of all that have a limit by address.
func (d *doorway) counts() (all, byAddr int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range d.byAddr {
		byAddr += n
	}
	return d.count, byAddr
}

// sourceBits of an IPv6 address tell one customer from another: who has one
// address has the rest of its network as well.
const sourceBits = 64

// source is what counts as the address of a client, and whether there is a
// limit for it.
func (d *doorway) source(remote string) (addr netip.Addr, limited bool) {
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		withPort, err := netip.ParseAddrPort(remote)
		if err != nil {
			return addr, false // of no network: a pipe, a Unix socket
		}
		addr = withPort.Addr()
	}
	addr = addr.Unmap().WithZone("")
	public := addr.IsGlobalUnicast() && !addr.IsPrivate()
	if addr.Is6() {
		addr = netip.PrefixFrom(addr, sourceBits).Masked().Addr()
	}
	return addr, public || d.everywhere
}
