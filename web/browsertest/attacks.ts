// An Attack is a request that a page makes without a client. Except with fetch, the
// page cannot read the response.
export interface Attack {
  how: keyof typeof ways;
  url: string;
}

// launch makes all the requests. It waits for those that a script can wait for; when
// the others arrive, only the server knows.
export async function launch(attacks: Attack[]): Promise<string[]> {
  return Promise.all(attacks.map(async ({ how, url }) => (await ways[how](url)) ?? "made"));
}

const ways = {
  image: (url: string) => embed("img", { src: url }),
  script: (url: string) => embed("script", { src: url }),
  "module script": (url: string) => embed("script", { src: url, type: "module" }),
  stylesheet: (url: string) => embed("link", { href: url, rel: "stylesheet" }),
  video: (url: string) => embed("video", { src: url, preload: "auto" }),
  frame: (url: string) => embed("iframe", { src: url }),
  object: (url: string) => embed("object", { data: url }),
  embed: (url: string) => embed("embed", { src: url }),
  "link rel=prefetch": (url: string) => embed("link", { href: url, rel: "prefetch" }),
  "speculation rules, prefetch": (url: string) => speculate("prefetch", url),
  "speculation rules, prerender": (url: string) => speculate("prerender", url),
  "style image": (url: string) => embed("div", { style: `background: url("${url}"); height: 9px` }),
  "form GET": (url: string) => submit(url, "get"),
  "form POST": (url: string) => submit(url, "post"),
  "form POST of text": (url: string) => submit(url, "post", "text/plain"),
  beacon: (url: string) => void navigator.sendBeacon(url, "{}"),
  // A Blob without a type has no Content-Type.
  "beacon of a Blob": (url: string) => void navigator.sendBeacon(url, new Blob(["{}"])),
  EventSource: (url: string) => void new EventSource(url),
  "EventSource with credentials": (url: string) => void new EventSource(url, { withCredentials: true }),
  "image with credentials": (url: string) => embed("img", { crossorigin: "use-credentials", src: url }),
  WebSocket: (url: string) => void new WebSocket(url.replace(/^http/, "ws")),
  "fetch no-cors POST of text": (url: string) => outcome(postNoCors(url, "{}")),
  "fetch no-cors POST of a Blob": (url: string) => outcome(postNoCors(url, new Blob(["{}"]))),
  "fetch POST of a form, another method in a header": (url: string) => outcome(overrideMethod(url, "DELETE")),
  "fetch no-cors": (url: string) => outcome(fetch(url, { mode: "no-cors", credentials: "include" })),
  "fetch GET": (url: string) => outcome(fetch(url)),
  "fetch POST of text": (url: string) => outcome(fetch(url, { method: "POST", body: "{}" })),
  "fetch POST of JSON": (url: string) => outcome(postJson(url)),
  "fetch GET with credentials": (url: string) => outcome(fetch(url, { credentials: "include" })),
  "fetch POST of text with credentials": (url: string) =>
    outcome(fetch(url, { method: "POST", body: "{}", credentials: "include" })),
  "fetch POST of JSON with credentials": (url: string) => outcome(postJson(url, "include")),
  "sandboxed frame, fetch GET": (url: string) => inSandbox("fetch(url)", url),
  "sandboxed frame, fetch POST of JSON": (url: string) => inSandbox(`(${postJson})(url)`, url),
} satisfies Record<string, (url: string) => void | Promise<string>>;

function postNoCors(url: string, body: BodyInit): Promise<Response> {
  return fetch(url, { method: "POST", mode: "no-cors", body, credentials: "include" });
}

// overrideMethod posts a form. grpc-gateway compares the whole Content-Type, so that
// one with a charset is not a form.
function overrideMethod(url: string, method: string): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded", "X-HTTP-Method-Override": method },
    body: "",
  });
}

function postJson(url: string, credentials: RequestCredentials = "same-origin"): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
    credentials,
  });
}

// speculate lets the browser load a document that nobody has asked for. Nothing has
// to be clicked.
function speculate(action: "prefetch" | "prerender", url: string): void {
  const rule = { urls: [url], eagerness: "immediate", referrer_policy: "no-referrer" };
  const script = Object.assign(document.createElement("script"), {
    type: "speculationrules",
    textContent: JSON.stringify({ [action]: [rule] }),
  });
  document.body.append(script);
}

function embed(tag: string, attributes: Record<string, string>): void {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    element.setAttribute(name, value);
  }
  document.body.append(element);
}

let frames = 0;

// submit sends a form into a frame, so that the page stays.
function submit(url: string, method: string, enctype = ""): void {
  const name = `form-${frames++}`;
  embed("iframe", { name });
  const [action, query] = url.split("?");
  const form = document.createElement("form");
  Object.assign(form, { action, method, target: name, enctype });
  for (const [name, value] of new URLSearchParams(query)) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append(form);
  form.submit();
}

// outcome returns what a script can learn of a response.
async function outcome(response: Promise<Response>): Promise<string> {
  try {
    const { type, status } = await response;
    return `${type} ${status}`;
  } catch (thrown) {
    return String(thrown);
  }
}

// inSandbox runs a fetch in a frame whose origin is opaque, null on the wire.
function inSandbox(request: string, url: string): Promise<string> {
  return new Promise((resolve) => {
    const id = `sandbox-${frames++}`;
    addEventListener("message", (event) => {
      if (event.data.id === id) {
        resolve(event.data.outcome);
      }
    });
    const script = `
      const url = ${JSON.stringify(url)};
      const tell = (outcome) => parent.postMessage({ id: "${id}", outcome }, "*");
      (async () => {
        try { const { type, status } = await ${request}; tell(type + " " + status); }
        catch (thrown) { tell(String(thrown)); }
      })();`;
    embed("iframe", { sandbox: "allow-scripts", srcdoc: `<script>${script}</script>` });
  });
}
