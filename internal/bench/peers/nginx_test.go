package peers_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/corsrpc/corsrpc-go/internal/proxies"
)

// nginxServer is as grpc-web publishes it, in
// net/grpc/gateway/examples/echo/nginx.conf: CORS headers by add_header without
// "always", so that errors have none. There, grpc_pass is a module of grpc-web's
// own that nobody ships; here the upstream speaks gRPC-Web.
const nginxServer = `
location / {
	proxy_pass %[1]s;
	proxy_http_version 1.1;
	if ($request_method = 'OPTIONS') {
		add_header 'Access-Control-Allow-Origin' '*';
		add_header 'Access-Control-Allow-Methods' 'GET, POST, OPTIONS';
		add_header 'Access-Control-Allow-Headers' '%[2]s';
		add_header 'Access-Control-Max-Age' 1728000;
		add_header 'Content-Type' 'text/plain charset=UTF-8';
		add_header 'Content-Length' 0;
		return 204;
	}
	if ($request_method = 'POST') {
		add_header 'Access-Control-Allow-Origin' '*';
		add_header 'Access-Control-Allow-Methods' 'GET, POST, OPTIONS';
		add_header 'Access-Control-Allow-Headers' '%[2]s';
		add_header 'Access-Control-Expose-Headers' 'Content-Transfer-Encoding';
	}
}
`

const nginxAllows = "DNT,X-CustomHeader,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Content-Transfer-Encoding,Custom-Header-1"

func serveNginx(t *testing.T, b *backend, _ string) string {
	upstream := httptest.NewServer(b.front(b.connect()))
	t.Cleanup(upstream.Close)
	return proxies.StartNginx(t, "", fmt.Sprintf(nginxServer, upstream.URL, nginxAllows))
}

// findsNginx returns an error if there is no nginx and nobody requires it.
func findsNginx() error {
	if proxies.Required() {
		return nil // serveNginx fails
	}
	_, err := proxies.FindNginx()
	return err
}
