import type { connectNodeAdapter } from "@connectrpc/connect-node";

const photos = new Map([
  ["/static/teapot.svg", `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2"><circle cx="1" cy="1" r="1"/></svg>`],
]);

// photo serves what is not a procedure.
export const photo: ReturnType<typeof connectNodeAdapter> = (request, response) => {
  const found = photos.get(request.url ?? "");
  if (found === undefined) {
    response.writeHead(404, { "Content-Type": "text/plain" });
    response.end("not found\n");
    return;
  }
  response.writeHead(200, { "Content-Type": "image/svg+xml", ETag: '"1"' });
  response.end(found);
};
