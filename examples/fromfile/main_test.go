package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

const (
	app     = "https://app.example.com"
	preview = "https://7.preview.example.com"
	next    = "https://next.example.com"
)

// The running server follows its files, as kubelet replaces them.
func TestReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	base, production := read(t, "base.yaml"), read(t, "production.yaml")
	mount(t, dir, "1", map[string]string{"base.yaml": base, "production.yaml": production})
	reports := make(chan error, 10)
	url := start(t, corsconfig.WatchConfig{
		Names:    []string{filepath.Join(dir, "base.yaml"), filepath.Join(dir, "production.yaml")},
		OnReload: func(err error) { reports <- err },
		Interval: time.Millisecond,
	})
	require.NoError(t, <-reports)
	assertCalls(t, url, map[string]bool{app: true, preview: true, next: false})

	mount(t, dir, "2", map[string]string{"base.yaml": base, "production.yaml": strings.ReplaceAll(production, app, next)})
	require.NoError(t, <-reports)
	assertCalls(t, url, map[string]bool{app: false, preview: true, next: true})

	mount(t, dir, "3", map[string]string{"base.yaml": base, "production.yaml": "origins:\n  - next.example.com\n"})
	assert.EqualError(t, <-reports, filepath.Join(dir, "production.yaml")+
		`:2:5: origins[0]: "next.example.com" has no scheme: an origin is scheme://host; write "https://next.example.com"`)
	assertCalls(t, url, map[string]bool{app: false, preview: true, next: true})
}

// assertCalls checks which pages can call the catalog.
func assertCalls(t *testing.T, url string, want map[string]bool) {
	t.Helper()
	for origin, allowed := range want {
		_, err := shopv1connect.NewCatalogServiceClient(corstest.NewBrowser(origin).Client(), url).
			GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "mug"}))
		if allowed {
			assert.NoError(t, err, origin)
		} else {
			assert.ErrorAs(t, err, new(*corstest.BlockedError), origin)
		}
	}
}

// What the files say besides origins.
func TestFiles(t *testing.T) {
	t.Parallel()
	url := start(t, corsconfig.WatchConfig{Names: []string{"base.yaml", "production.yaml"}})
	for _, test := range []struct{ origin, path, allowOrigin, credentials, maxAge string }{
		{app, shopv1connect.CartServiceAddItemProcedure, app, "true", "7200"},
		{preview, shopv1connect.CartServiceAddItemProcedure, "", "", ""},
		{preview, shopv1connect.CatalogServiceGetProductProcedure, preview, "", "7200"},
		{next, "/assets/logo.svg", "*", "", "86400"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, url+test.path, nil)
		require.NoError(t, err)
		r.Header.Set("Origin", test.origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, test.allowOrigin, res.Header.Get("Access-Control-Allow-Origin"), "%v", test)
		assert.Equal(t, test.credentials, res.Header.Get("Access-Control-Allow-Credentials"), "%v", test)
		assert.Equal(t, test.maxAge, res.Header.Get("Access-Control-Max-Age"), "%v", test)
	}
}

// Files with mistakes stop the start, and no port stays open.
func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(name, []byte("orgins: []\n"), 0o600))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	err = run(t.Context(), listener, corsconfig.WatchConfig{Names: []string{name}})
	assert.EqualError(t, err, name+`:1:1: unknown field "orgins"; did you mean origins?`)
}

// The manifest mounts the files beside it where the server looks for them.
func TestManifest(t *testing.T) {
	t.Parallel()
	var configMap struct {
		Kind     string
		Metadata struct{ Name string }
		Data     map[string]string
	}
	var deployment struct {
		Kind string
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Args         []string
						VolumeMounts []map[string]any `yaml:"volumeMounts"`
					}
					Volumes []struct {
						Name      string
						ConfigMap struct{ Name string } `yaml:"configMap"`
					}
				}
			}
		}
	}
	var service struct{ Kind string }
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(read(t, "kubernetes.yaml"))))
	require.NoError(t, decoder.Decode(&configMap))
	require.NoError(t, decoder.Decode(&deployment))
	require.NoError(t, decoder.Decode(&service))
	require.ErrorIs(t, decoder.Decode(&yaml.Node{}), io.EOF)
	assert.Equal(t, []string{"ConfigMap", "Deployment", "Service"}, []string{configMap.Kind, deployment.Kind, service.Kind})

	assert.Equal(t, map[string]string{"base.yaml": read(t, "base.yaml"), "production.yaml": read(t, "production.yaml")}, configMap.Data)
	pod := deployment.Spec.Template.Spec
	require.Len(t, pod.Volumes, 1)
	assert.Equal(t, configMap.Metadata.Name, pod.Volumes[0].ConfigMap.Name)
	require.Len(t, pod.Containers, 1)
	// Without subPath, which kubelet never updates.
	assert.Equal(t, []map[string]any{{"name": pod.Volumes[0].Name, "mountPath": "/etc/corsrpc", "readOnly": true}}, pod.Containers[0].VolumeMounts)
	assert.Equal(t, []string{"-addr=:8080", "/etc/corsrpc/base.yaml", "/etc/corsrpc/production.yaml"}, pod.Containers[0].Args)

	dir := t.TempDir()
	mount(t, dir, "1", configMap.Data)
	_, err := corsconfig.Load(nil, filepath.Join(dir, "base.yaml"), filepath.Join(dir, "production.yaml"))
	assert.NoError(t, err)
}

// mount does what kubelet does with a ConfigMap: files are links through ..data,
// which is replaced as a whole.
func mount(t *testing.T, dir, version string, data map[string]string) {
	t.Helper()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "..version"+version), 0o700))
	for name, text := range data {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "..version"+version, name), []byte(text), 0o600))
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); !errors.Is(err, os.ErrExist) {
			require.NoError(t, err)
		}
	}
	require.NoError(t, os.Symlink("..version"+version, filepath.Join(dir, "..data_tmp")))
	require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// start runs the program.
func start(t *testing.T, watch corsconfig.WatchConfig) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, listener, watch) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-done)
	})
	return "http://" + listener.Addr().String()
}
