package hearth

import (
	"context"
	"time"
)

// A client owes time for what it sends: a message costs 1/MessageRate seconds,
// or its length/ByteRate if that is longer, and the clock pays back. It may owe
// rateCredit; beyond, it is not read until it does not, or closed.
const (
	rateCredit = time.Second
	maxOwed    = time.Minute

	// minPause lets a flood cost a timer for some messages, not for each.
	minPause = 20 * time.Millisecond
)

// spend books a message of size bytes that counts for as many as cost, and
// returns by how much the client owes too much. On the connection's reader.
func (c *Client) spend(now time.Time, cost float64, size int) (excess time.Duration) {
	s := c.server
	stamp := uint32(now.Sub(s.began).Milliseconds()) // wraps after 49 days: a pause too much at worst
	paid := time.Duration(stamp-c.spentAt) * time.Millisecond
	c.spentAt = stamp
	price := max(cost*s.messagePrice, float64(size)*s.bytePrice)
	owed := max(0, time.Duration(c.owed)*time.Microsecond-paid)
	owed += time.Duration(min(price, float64(maxOwed)))
	owed = min(owed, rateCredit+maxOwed)
	c.owed = uint32((owed + time.Microsecond - 1) / time.Microsecond)
	return owed - rateCredit
}

// costOf asks Options.MessageCost. What is no number from 0 on, and the
// failure of the hook, count as 1.
func (c *Client) costOf(event string, size int) float64 {
	cost := -1.0
	_ = c.guard("MessageCost", func(context.Context) error {
		cost = c.server.opts.MessageCost(c, event, size)
		return nil
	})
	if !(cost >= 0) {
		return 1
	}
	return cost
}

// throttle stops reading until excess is paid back, or closes the client.
// paused says that the message that was too much has had reading stopped
// already.
func (c *Client) throttle(excess time.Duration, paused bool) (pause bool) {
	s := c.server
	s.refused(refusedRate, "client", c.ID(), "hint", "Options.MessageRate, ByteRate")
	if s.opts.CloseOnRateLimit {
		c.Close(ClosePolicy, reasonRate)
		return paused
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state() == stateDisconnected || paused && (c.work == nil || c.work.holds == 0) {
		return paused // reading goes on already; the next message finds what is owed
	}
	w := c.workLocked()
	w.holds |= holdRate
	w.timer = time.AfterFunc(max(excess, minPause), c.paidBack)
	return true
}

// paidBack goes on reading after throttle.
func (c *Client) paidBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.work == nil || c.work.cause != nil {
		return
	}
	c.releaseLocked(holdRate)
	c.goOnLocked()
}

// Control is called by the transport for each ping and pong, which count as
// messages.
func (h *handler) Control() (pause bool) {
	c := (*Client)(h)
	if excess := c.spend(time.Now(), 1, 0); excess > 0 {
		return c.throttle(excess, false)
	}
	return false
}

// maxEarlyErrors is how often a client is told of a mistake before it is
// authenticated.
const maxEarlyErrors = 32

// scold tells a client of a mistake. On the connection's reader.
func (c *Client) scold(text string) {
	if c.state() < stateAuthenticated {
		if c.strikes == maxEarlyErrors {
			c.server.refused(refusedEarly, "client", c.ID(), "remote", c.remote)
			c.Close(ClosePolicy, reasonEarly)
			return
		}
		c.strikes++
	}
	c.sendError(text)
}
