package origin

// A Set is an immutable set of origins. The zero value is empty. It is safe
// for concurrent use.
type Set struct {
	any   bool
	exact map[string]struct{}
	// Patterns, by what they leave of an origin when its scheme and the
	// leading labels, or the port, are cut off: a host has few labels, so all
	// its suffixes are looked up. The values are the schemes listed.
	subdomains map[string]scheme // ".example.com", ".example.com:8443"
	anyPort    map[string]scheme // "localhost", ".example.com": at every port
	reach      int               // bytes of the longest part of an origin that is such a key and a port
	longest    int               // bytes of the longest origin that can be in the set
}

// NewSet returns the set that the entries describe. Their order and repetition
// do not matter.
func NewSet(entries []Entry) *Set {
	s := &Set{}
	for _, e := range entries {
		s.add(e)
	}
	return s
}

func (s *Set) add(e Entry) {
	switch {
	case e.text == "":
		// The zero Entry.
	case e.any:
		s.any = true
	case e.wildPort:
		key := e.host
		if e.suffix != "" {
			key = e.suffix
		}
		addPattern(&s.anyPort, key, e.scheme)
		s.reach = max(s.reach, len(key)+len(longestPort))
		s.longest = max(s.longest, longestWeb)
	case e.suffix != "":
		addPattern(&s.subdomains, e.suffix, e.scheme)
		s.reach = max(s.reach, len(e.suffix))
		s.longest = max(s.longest, longestWeb)
	default:
		if s.exact == nil {
			s.exact = make(map[string]struct{})
		}
		s.exact[e.text] = struct{}{}
		s.longest = max(s.longest, len(e.text))
	}
}

const (
	longestPort = ":65535"
	longestWeb  = len("https://") + maxHost + len(longestPort)
)

func addPattern(patterns *map[string]scheme, key string, s scheme) {
	if *patterns == nil {
		*patterns = make(map[string]scheme)
	}
	(*patterns)[key] |= s
}

// Any reports whether every origin is in the set.
func (s *Set) Any() bool { return s.any }

// Contains reports whether the origin, as a request carries it, is in the
// set. It takes any string, reads no more of it than the longest origin in the
// set, and does not allocate.
func (s *Set) Contains(origin string) bool {
	if s.any {
		return true
	}
	if len(origin) > s.longest {
		return false
	}
	if _, ok := s.exact[origin]; ok {
		return true
	}
	if s.subdomains == nil && s.anyPort == nil {
		return false
	}
	return s.matches(origin)
}

// matches looks for a pattern.
func (s *Set) matches(origin string) bool {
	scheme, hostport, ok := cutScheme(origin)
	if !ok {
		return false
	}
	// Without patterns of ports, a port is part of a key or matches nothing.
	host, ports := hostport, s.anyPort != nil
	if ports || len(hostport) > maxHost {
		h, port, hasPort := cutPort(hostport)
		if len(h) > maxHost {
			return false
		}
		host, ports = h, ports && (!hasPort || isPort(scheme, port))
	}
	// A host that begins with a dot would be taken for a suffix.
	if ports && s.anyPort[host]&scheme != 0 && host[0] != '.' {
		return true
	}
	for i := max(1, len(hostport)-s.reach); i < len(host); i++ {
		if host[i] != '.' {
			continue
		}
		// The rest of the origin equals a part of a valid entry; only the
		// labels before it are the client's own.
		if (s.subdomains[hostport[i:]]&scheme != 0 || ports && s.anyPort[host[i:]]&scheme != 0) && isLabels(host[:i]) {
			return true
		}
	}
	return false
}

// Covers reports whether every origin that the entry admits is in the set.
func (s *Set) Covers(e Entry) bool {
	switch {
	case s.any:
		return true
	case e.any || e.text == "":
		return e.text == ""
	case e.suffix == "" && !e.wildPort:
		return s.Contains(e.text)
	case e.suffix == "" && s.anyPort[e.host]&e.scheme != 0:
		return true
	}
	// A pattern is covered by one on a suffix of it.
	labels := e.suffix
	if labels == "" {
		labels = e.host
	}
	for i := range len(labels) {
		if labels[i] != '.' {
			continue
		}
		host, _, _ := cutPort(labels[i:])
		if s.anyPort[host]&e.scheme != 0 || !e.wildPort && s.subdomains[labels[i:]]&e.scheme != 0 {
			return true
		}
	}
	return false
}
