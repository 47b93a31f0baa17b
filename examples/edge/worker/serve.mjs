// A reverse proxy in front of a backend that decides by an exported policy:
//
//   node serve.mjs corsrpc.json http://127.0.0.1:8080
//
// It prints its own URL and runs until its standard input ends.

import { readFileSync } from "node:fs";
import { createServer, request as send } from "node:http";
import { pipeline } from "node:stream";
import { Policy, responseHeaders } from "./corsrpc.mjs";

const [file, backend] = process.argv.slice(2);
const policy = new Policy(JSON.parse(readFileSync(file, "utf8")));
const upstream = new URL(backend);

const server = createServer((request, response) => {
  const decision = policy.decide({
    method: request.method,
    path: request.url.split("?", 1)[0],
    host: request.headers.host ?? "",
    header: (name) => request.headersDistinct[name] ?? [],
  });
  if (!decision.pass) {
    response.writeHead(decision.status, decision.headers);
    response.end(decision.body);
    return;
  }
  const proxied = send(
    { host: upstream.hostname, port: upstream.port, method: request.method, path: request.url, headers: request.rawHeaders },
    (answer) => {
      const headers = responseHeaders(decision, pairs(answer.rawHeaders));
      response.writeHead(answer.statusCode, headers.flat());
      pipeline(answer, response, () => {});
    },
  );
  proxied.on("error", () => {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response.writeHead(502, responseHeaders(decision, []).flat()).end();
  });
  pipeline(request, proxied, () => {});
});

function pairs(raw) {
  const all = [];
  for (let i = 0; i < raw.length; i += 2) {
    all.push([raw[i], raw[i + 1]]);
  }
  return all;
}

server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.resume().on("end", () => process.exit(0));
