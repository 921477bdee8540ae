package client

// Events is how many events the client has a list of handlers for.
func (c *Client) Events() int {
	c.handlers.mu.Lock()
	defer c.handlers.mu.Unlock()
	return len(c.handlers.byEvent)
}
