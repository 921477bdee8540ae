package wire

// nameSet finds out whether a name comes up a second time. A message has few
// members as a rule: they are compared one by one, without memory of their own.
// A map takes over when there are more, so that time stays linear.
type nameSet struct {
	few  [8][]byte
	n    int
	many map[string]struct{}
}

// add reports whether name is new. The set keeps name.
func (s *nameSet) add(name []byte) bool {
	if s.many != nil {
		return s.addMany(name)
	}
	for _, other := range s.few[:s.n] {
		if string(other) == string(name) {
			return false
		}
	}
	if s.n < len(s.few) {
		s.few[s.n] = name
		s.n++
		return true
	}
	s.many = make(map[string]struct{}, 4*len(s.few))
	for _, other := range s.few {
		s.addMany(other)
	}
	return s.addMany(name)
}

func (s *nameSet) addMany(name []byte) bool {
	before := len(s.many)
	s.many[string(name)] = struct{}{}
	return len(s.many) > before
}
