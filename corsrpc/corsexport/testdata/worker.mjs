// Sends the cases of an export to the worker of examples/edge, which is in the
// same directory, and compares its responses.
//
//   node worker.mjs DIRECTORY BACKEND
//
// The backend responds with the status 200 and a header Edgetest-Id.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [directory, backend] = process.argv.slice(2);
const { default: worker } = await import(pathToFileURL(`${directory}/worker.mjs`));
const { cases } = JSON.parse(readFileSync(`${directory}/corsrpc-cases.json`, "utf8"));
const names = ["access-control-allow-origin", "access-control-allow-credentials", "access-control-allow-methods", "access-control-allow-headers", "access-control-max-age", "access-control-expose-headers", "vary"];
let sent = 0;
for (const { about, request, response } of cases) {
  const origins = request.header.filter(([name]) => name === "Origin");
  if (origins.length > 1 || about.startsWith("another spelling")) {
    continue; // a Request has no such headers and paths
  }
  const host = request.header.find(([name]) => name === "Host")[1];
  const headers = request.header.filter(([name]) => name !== "Host");
  const body = ["POST", "PUT"].includes(request.method) ? "{}" : undefined;
  const got = await worker.fetch(new Request(`https://${host}${request.target}`, { method: request.method, headers, body }), { BACKEND: backend });
  const text = await got.text();
  const have = [got.headers.has("edgetest-id"), got.status, ...names.map((name) => got.headers.get(name))];
  const want = [response.pass, response.pass ? 200 : response.status, ...names.map((name) => valueOf(response.header, name))];
  if (JSON.stringify(have) !== JSON.stringify(want) || (!response.pass && response.body !== null && text !== response.body)) {
    console.log(`${about}\n  want ${JSON.stringify(want)}\n  got  ${JSON.stringify(have)} ${text}`);
    process.exitCode = 1;
  }
  sent++;
}
const gone = await worker.fetch(new Request("https://api.example.com/healthz"), { BACKEND: "http://127.0.0.1:1" });
if (gone.status !== 502) {
  console.log(`without a backend: ${gone.status}`);
  process.exitCode = 1;
}
// Servers give the bytes of a path in one of these ways.
const { Policy } = await import(pathToFileURL(`${directory}/corsrpc.mjs`));
const policy = new Policy(JSON.parse(readFileSync(`${directory}/corsrpc.json`, "utf8")));
for (const long of ["\u017f", "\u00c5\u00bf", "%C5%BF"]) {
  const lines = { origin: ["https://unlisted.example.net"] };
  const { status } = policy.decide({ method: "POST", path: `/acme.${long}hop.v1.CartService/AddItem`, host: "api.example.com", header: (name) => lines[name] ?? [] });
  if (status !== 403) {
    console.log(`a path with a long s, ${JSON.stringify(long)}: ${status}`);
    process.exitCode = 1;
  }
}
console.log(`${sent} cases`);

function valueOf(header, name) {
  return Object.entries(header).find(([key]) => key.toLowerCase() === name)?.[1] ?? null;
}
