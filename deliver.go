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
		_ = s.taken(s.hub.ToAll(f, s.conns(env.Exclude))) // a drop is counted
	case TypeRoom:
		_ = s.taken(s.hub.ToRoom(env.Target, f, s.conns(env.Exclude)))
	case TypeClient:
		_ = s.localClient(env.Target, f)
	case TypeUser:
		_ = s.localUser(env.Target, f)
	}
}

// noteBroker is the BrokerNode's Notify.
func (s *Server) noteBroker(e BrokerEvent) {
	s.brokerUp.Store(e.State == BrokerConnected)
	if s.opts.OnBroker != nil {
		s.guard("OnBroker", func() { s.opts.OnBroker(e) })
	}
}

// noteGap is the BrokerNode's ReportGap.
func (s *Server) noteGap(g Gap) {
	s.counters.gaps.Add(1)
	s.counters.missed.Add(max(g.Missed, 0))
	if s.opts.OnGap != nil {
		s.guard("OnGap", func() { s.opts.OnGap(g) })
	}
}
