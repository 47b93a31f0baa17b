// An Attack is a request that a page makes without a client and, but for fetch,
// without any means of reading the answer.
export interface Attack {
  how: keyof typeof ways;
  url: string;
}

// launch makes all the requests. What scripts can wait for is waited for; of the
// others only the server knows when they have come.
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
  "style image": (url: string) => embed("div", { style: `background: url("${url}"); height: 9px` }),
  "form GET": (url: string) => submit(url, "get"),
  "form POST": (url: string) => submit(url, "post"),
  beacon: (url: string) => void navigator.sendBeacon(url, "{}"),
  EventSource: (url: string) => void new EventSource(url),
  WebSocket: (url: string) => void new WebSocket(url.replace(/^http/, "ws")),
  "fetch no-cors": (url: string) => outcome(fetch(url, { mode: "no-cors", credentials: "include" })),
  "fetch GET": (url: string) => outcome(fetch(url)),
  "fetch POST of text": (url: string) => outcome(fetch(url, { method: "POST", body: "{}" })),
  "fetch POST of JSON": (url: string) => outcome(postJson(url)),
  "sandboxed frame, fetch GET": (url: string) => inSandbox("fetch(url)", url),
  "sandboxed frame, fetch POST of JSON": (url: string) => inSandbox(`(${postJson})(url)`, url),
  navigation: (url: string) => {
    location.href = url;
  },
} satisfies Record<string, (url: string) => void | Promise<string>>;

function postJson(url: string): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
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
function submit(url: string, method: string): void {
  const name = `form-${frames++}`;
  embed("iframe", { name });
  const [action, query] = url.split("?");
  const form = document.createElement("form");
  Object.assign(form, { action, method, target: name });
  for (const [name, value] of new URLSearchParams(query)) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append(form);
  form.submit();
}

// outcome says what a script can learn of a response.
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
