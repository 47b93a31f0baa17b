// Compares decisions with the cases of an export, or of several:
//
//   node cases.mjs corsrpc.json corsrpc-cases.json
//
// Exit status 1 means that some differ.

import { readFileSync } from "node:fs";
import { Policy } from "./corsrpc.mjs";

const files = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, "utf8")));
let total = 0;
let differ = 0;
for (let i = 0; i + 1 < files.length; i += 2) {
  const policy = new Policy(files[i]);
  for (const { about, request, response } of files[i + 1].cases) {
    const lines = (name) => request.header.filter((line) => line[0].toLowerCase() === name).map((line) => line[1]);
    const got = policy.decide({ method: request.method, path: request.target.split("?", 1)[0], host: lines("host")[0], header: lines });
    const anyBody = response.body === null;
    const want = [response.pass, response.pass ? 0 : response.status, sorted(response.header), anyBody ? null : response.body];
    const have = [got.pass, got.pass ? 0 : got.status, sorted(got.headers), anyBody ? null : got.body];
    total++;
    if (JSON.stringify(want) !== JSON.stringify(have)) {
      differ++;
      console.log(`${about}\n  ${JSON.stringify(request)}\n  want ${JSON.stringify(want)}\n  got  ${JSON.stringify(have)}`);
    }
  }
}
console.log(`${total} cases, ${differ} differ`);
process.exitCode = differ > 0 ? 1 : 0;

function sorted(headers) {
  return Object.entries(headers).sort();
}
