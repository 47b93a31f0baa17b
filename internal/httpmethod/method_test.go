package httpmethod_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
)

func TestMethods(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method                string
		safelisted, forbidden bool
		normalized            string
	}{
		{"GET", true, false, "GET"},
		{"HEAD", true, false, "HEAD"},
		{"POST", true, false, "POST"},
		{"DELETE", false, false, "DELETE"},
		{"OPTIONS", false, false, "OPTIONS"},
		{"PUT", false, false, "PUT"},
		{"PATCH", false, false, "PATCH"},
		{"CONNECT", false, true, "CONNECT"},
		{"TRACE", false, true, "TRACE"},
		{"TRACK", false, true, "TRACK"},
		{"PRI", false, false, "PRI"},
		{"CHICKEN", false, false, "CHICKEN"},
		// The standard upper-cases six methods and no others.
		{"get", false, false, "GET"},
		{"Head", false, false, "HEAD"},
		{"pOsT", false, false, "POST"},
		{"delete", false, false, "DELETE"},
		{"options", false, false, "OPTIONS"},
		{"put", false, false, "PUT"},
		{"patch", false, false, "patch"},
		{"chicken", false, false, "chicken"},
		{"connect", false, true, "connect"},
		{"Trace", false, true, "Trace"},
		{"tRaCk", false, true, "tRaCk"},
		// What is no method is none of these either.
		{"", false, false, ""},
		{"*", false, false, "*"},
		{"GET ", false, false, "GET "},
		{"GETS", false, false, "GETS"},
		{"GET,POST", false, false, "GET,POST"},
		{"PO\u017fT", false, false, "PO\u017fT"},
		{"po\u017ft", false, false, "po\u017ft"},
		{"TRAC\u212a", false, false, "TRAC\u212a"},
	} {
		assert.Equal(t, test.safelisted, httpmethod.IsSafelisted(test.method), "IsSafelistedMethod(%q)", test.method)
		assert.Equal(t, test.forbidden, httpmethod.IsForbidden(test.method), "IsForbiddenMethod(%q)", test.method)
		assert.Equal(t, test.normalized, httpmethod.Normalize(test.method), "NormalizeMethod(%q)", test.method)
	}
}
