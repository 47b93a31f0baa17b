// A worker for CDNs that run modules with a fetch handler, such as Cloudflare's.
// Beside it belong the files of
//
//   corsrpc export json --image image.binpb --policy policy.yaml -o .
//
// and the backend's URL is in the environment: BACKEND.

import { Policy, responseHeaders } from "./corsrpc.mjs";
import rules from "./corsrpc.json" with { type: "json" };

const policy = new Policy(rules);

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const decision = policy.decide({
      method: request.method,
      path: url.pathname, // as the backend will get it
      host: url.host,
      header: (name) => (request.headers.has(name) ? [request.headers.get(name)] : []),
    });
    if (!decision.pass) {
      return new Response(decision.body || null, { status: decision.status, headers: decision.headers });
    }
    let backend;
    try {
      backend = await fetch(new URL(url.pathname + url.search, env.BACKEND), request);
    } catch {
      // A page must be able to read this too.
      return new Response("bad gateway\n", { status: 502, headers: responseHeaders(decision, []) });
    }
    return new Response(backend.body, { status: backend.status, statusText: backend.statusText, headers: responseHeaders(decision, backend.headers) });
  },
};
