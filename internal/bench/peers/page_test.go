package peers_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// A trial is one thing that a page makes its browser send.
type trial struct {
	ID     string            `json:"id"`
	Kind   string            `json:"kind"` // script, image, frame or prefetch
	Method string            `json:"method"`
	URL    string            `json:"url"`
	Header map[string]string `json:"header"`
	Body   []byte            `json:"body"` // for POST, in base64
	Store  bool              `json:"store"`
}

// An outcome is what the page saw of a script's trial.
type outcome struct {
	Failed bool              `json:"failed"` // fetch threw
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
}

// pageText runs trials one after the other, and reports.
const pageText = `<!doctype html>
<title>trials</title>
<script type="module">
const kinds = {
  async script(t) {
    const body = t.method === "POST" ? Uint8Array.from(atob(t.body ?? ""), c => c.charCodeAt(0)) : undefined;
    try {
      const r = await fetch(t.url, {method: t.method, headers: t.header ?? {}, body, credentials: "omit", cache: t.store ? "default" : "no-store"});
      await r.body?.cancel();
      return {status: r.status, header: Object.fromEntries(r.headers)};
    } catch (e) {
      if (e.message !== "Failed to fetch") throw e; // not the browser's refusal
      return {failed: true};
    }
  },
  async image(t) {
    const image = new Image();
    await new Promise(done => { image.onload = image.onerror = done; image.src = t.url; });
  },
  async frame(t) {
    const frame = document.createElement("iframe");
    frame.src = t.url;
    document.body.append(frame);
    await fetch("/arrived?trial=" + encodeURIComponent(t.id)); // downloads have no load event
  },
  async prefetch(t) {
    const rules = document.createElement("script");
    rules.type = "speculationrules";
    rules.text = JSON.stringify({prefetch: [{urls: [t.url], eagerness: "immediate"}]});
    document.head.append(rules);
    await fetch("/arrived?trial=" + encodeURIComponent(t.id));
  },
};
const outcomes = {};
try {
  for (const t of await (await fetch("/trials.json")).json()) {
    outcomes[t.id] = await kinds[t.kind](t) ?? {};
  }
} catch (e) {
  outcomes.failure = String(e);
}
await fetch("/report", {method: "POST", body: JSON.stringify(outcomes)});
</script>
<body></body>
`

// A site has pages of one or more origins, which do trials.
type site struct {
	server  *httptest.Server
	arrived func(trial string) <-chan struct{}
	trials  chan []byte // in JSON, for the next page
	reports chan map[string]outcome
}

func newSite(t *testing.T, arrived func(trial string) <-chan struct{}) *site {
	s := &site{arrived: arrived, trials: make(chan []byte, 1), reports: make(chan map[string]outcome, 1)}
	s.server = httptest.NewServer(s)
	t.Cleanup(s.server.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		_, _ = io.WriteString(w, pageText)
	case "/trials.json":
		_, _ = w.Write(<-s.trials)
	case "/arrived":
		select {
		case <-s.arrived(r.URL.Query().Get("trial")):
		case <-r.Context().Done():
		}
	case "/report":
		var report map[string]outcome
		if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.reports <- report
	default:
		http.NotFound(w, r)
	}
}

// run does the trials in Chromium, on a page at this URL.
func (s *site) run(t *testing.T, url string, trials []trial) map[string]outcome {
	t.Helper()
	text, err := json.Marshal(trials)
	require.NoError(t, err)
	s.trials <- text
	browser, err := browsers.Chromium.Open(t.Context(), url, browsers.Options{})
	require.NoError(t, err)
	defer browser.Close()
	select {
	case report := <-s.reports:
		require.Len(t, report, len(trials), "%v", report["failure"])
		return report
	case <-browser.Done():
		require.FailNow(t, "the browser ended: "+browser.Output())
	}
	return nil
}
