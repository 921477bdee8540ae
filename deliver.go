package hearth

// deliver hands an envelope from another node to the clients here. It is the
// BrokerNode's Deliver.
func (s *Server) deliver(env Envelope) {
	if env.ServerID == s.id || !s.serving.Load() {
		return
	}
	s.counters.envelopesIn.Add(1)
	f := messageFrame(env.Event, env.Data)
	switch env.Type {
	case TypeBroadcast:
		s.hub.ToAll(f, s.conns(env.Exclude))
	case TypeRoom:
		s.hub.ToRoom(env.Target, f, s.conns(env.Exclude))
	case TypeClient:
		_ = s.localClient(env.Target, f) // a drop is counted
	case TypeUser:
		_ = s.localUser(env.Target, f)
	}
}

// noteBroker is the BrokerNode's Notify.
func (s *Server) noteBroker(e BrokerEvent) {
	if e.Gap != nil {
		s.counters.gaps.Add(1)
	}
	if e.State != "" { // a gap may come with the state that ends it
		s.brokerUp.Store(e.State == BrokerConnected)
	}
	if s.opts.OnBroker != nil {
		s.opts.OnBroker(e)
	}
}
