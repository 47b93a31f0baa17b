/*! Contains @connectrpc/connect and connect-node (Apache-2.0), @bufbuild/protobuf (Apache-2.0 and BSD-3-Clause) and ws (MIT). */
// The server behind the edges: the shop's catalog, photos of its products, and a
// WebSocket. Without TLS, Node.js has no port for both versions of HTTP.
//
//   node backend.js [port for HTTP/1.1] [port for HTTP/2]
//
// It prints both addresses, then a line for each request that arrives.
import { createServer, type IncomingMessage } from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { WebSocketServer } from "ws";
import { catalog } from "./catalog";
import { photo } from "./photo";

const [port = "8080", http2Port = "8081"] = process.argv.slice(2);

const rpc = connectNodeAdapter({ routes: catalog, fallback: photo });

const server = createServer((request, response) => {
  log(request);
  rpc(request, response);
});
const http2Server = http2.createServer((request, response) => {
  log(request);
  rpc(request, response);
});

// The policy of the edge is about procedures and photos. Browsers let pages of any
// origin open a WebSocket, so the server checks the origin of this one.
const chat = new WebSocketServer({
  server,
  path: "/chat",
  verifyClient: ({ req }: { req: IncomingMessage }) => {
    log(req);
    return req.headers.origin === "https://app.example.com";
  },
});
chat.on("connection", (socket) => {
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});

function log({ method, url }: { method?: string | undefined; url?: string | undefined }): void {
  console.log(method, url);
}

function listen(server: Server, port: string): Promise<string> {
  return new Promise((resolve) => {
    server.listen(Number(port), "127.0.0.1", () => resolve(`127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}

Promise.all([listen(server, port), listen(http2Server, http2Port)]).then((addresses) => {
  console.log(addresses.join(" "));
});
