// Package peers holds other CORS libraries against the same check as ours, in a
// module of its own for their sake.
package peers
