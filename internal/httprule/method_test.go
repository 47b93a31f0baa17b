package httprule_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

func TestSelect(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	all := []string{"GET /v1/x", "POST /v1/x", "PUT /v1/x", "DELETE /v1/x"}
	for _, test := range []struct {
		name     string
		bindings []string
		method   string
		header   http.Header
		selected []string
	}{
		{"its own", all, "POST", nil, []string{"POST /v1/x"}},
		{"HEAD counts as GET", all, "HEAD", nil, []string{"GET /v1/x"}},
		{"HEAD beside GET", []string{"GET /v1/x", "HEAD /v1/x"}, "HEAD", nil, []string{"GET /v1/x", "HEAD /v1/x"}},
		{"GET is not HEAD", []string{"HEAD /v1/x", "GET /v1/x"}, "GET", nil, []string{"GET /v1/x"}},
		{"a method without a binding", all, "PATCH", nil, all},
		{"methods are case-sensitive", all, "post", nil, all},
		{"a custom kind", []string{"GET /v1/x", "PURGE /v1/x"}, "PURGE", nil, []string{"PURGE /v1/x"}},
		{"a kind for all", []string{"GET /v1/x", "* /v1/x"}, "PATCH", nil, []string{"* /v1/x"}},
		{"a kind for all and its own", []string{"GET /v1/x", "* /v1/x"}, "GET", nil, []string{"GET /v1/x", "* /v1/x"}},
		{"a form", all, "POST", http.Header{"Content-Type": {form}}, []string{"GET /v1/x", "POST /v1/x"}},
		{"a form with a parameter", all, "POST", http.Header{"Content-Type": {" Application/X-www-form-urlencoded ;charset=utf-8"}}, []string{"GET /v1/x", "POST /v1/x"}},
		{"a form in a second line", all, "POST", http.Header{"Content-Type": {"text/plain", form}}, []string{"GET /v1/x", "POST /v1/x"}},
		{"a form without POST bindings", []string{"GET /v1/x", "PUT /v1/x"}, "POST", http.Header{"Content-Type": {form}}, []string{"GET /v1/x"}},
		{"not a form", all, "POST", http.Header{"Content-Type": {"multipart/form-data"}}, []string{"POST /v1/x"}},
		{"a form that is not posted", all, "PUT", http.Header{"Content-Type": {form}}, []string{"PUT /v1/x"}},
		{"another method in a header", all, "POST", http.Header{"X-Http-Method-Override": {"DELETE"}}, all},
		{"none of the aliases", []string{"GET /v1/x", "PUT /V1/x"}, "GET", nil, []string{"GET /v1/x", "PUT /V1/x"}},
		{"one of the aliases", []string{"GET /v1/x", "PUT /V1/x", "GET /V1/x"}, "GET", nil, []string{"GET /v1/x", "GET /V1/x"}},
		{"an alias alone", []string{"PUT /v1/x", "GET /V1/x"}, "GET", nil, []string{"PUT /v1/x", "GET /V1/x"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var m httprule.Matches
			newIndex(t, test.bindings...).Match("/v1/x", "", &m)
			m.Select(httprule.NewMethod(test.method, test.header))
			var selected []string
			for i := range m.Len() {
				id, _ := m.At(i)
				selected = append(selected, test.bindings[id])
			}
			assert.ElementsMatch(t, test.selected, selected)
		})
	}
}
