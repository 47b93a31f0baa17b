package corstest

// ForgetPreflights empties the preflight cache, which browsers may do at any
// time.
func (b *Browser) ForgetPreflights() {
	b.cached(func(c *preflightCache) { *c = preflightCache{} })
}
