package exchange

import (
	"net/http"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A Site is where a call comes from, by what the browser says of it.
type Site struct {
	Name   string
	Send   http.Header
	Reason corsrpc.Reason // ReasonOK: it passes
}

// Sites are all of them.
var Sites = []Site{
	{"no browser", nil, corsrpc.ReasonOK},
	{"the app's page", http.Header{"Origin": {App}}, corsrpc.ReasonOK},
	{"the app's page, marked", http.Header{"Origin": {App}, "Sec-Fetch-Site": {"cross-site"}}, corsrpc.ReasonOK},
	{"the server's own page", http.Header{"Origin": {"https://api.example.com"}, "Sec-Fetch-Site": {"same-origin"}}, corsrpc.ReasonOK},
	{"the address bar", http.Header{"Sec-Fetch-Site": {"none"}}, corsrpc.ReasonOK},
	{"another page", http.Header{"Origin": {Evil}}, corsrpc.ReasonOriginNotAllowed},
	{"another page, marked", http.Header{"Origin": {Evil}, "Sec-Fetch-Site": {"cross-site"}}, corsrpc.ReasonOriginNotAllowed},
	{"a sandboxed page", http.Header{"Origin": {"null"}}, corsrpc.ReasonOriginNotAllowed},
	{"an empty Origin", http.Header{"Origin": {""}}, corsrpc.ReasonOriginMalformed},
	{"two Origins", http.Header{"Origin": {App, Evil}}, corsrpc.ReasonOriginMalformed},
	{"an image of another site", http.Header{"Sec-Fetch-Site": {"cross-site"}}, corsrpc.ReasonOriginMissing},
	{"an image of a sibling site", http.Header{"Sec-Fetch-Site": {"same-site"}}, corsrpc.ReasonOriginMissing},
	{"speculation rules of another page", http.Header{"Sec-Fetch-Site": {"none"}, "Sec-Purpose": {"prefetch"}}, corsrpc.ReasonOriginMissing},
	{"the app's page with cookies that are not allowed", http.Header{"Origin": {App}, "Cookie": {"session=1"}}, corsrpc.ReasonCredentialsNotAllowed},
}
