import type { Expectation } from "./expectation";

export type Protocol = "Connect" | "gRPC-Web";

// How an answer is put on the wire. Trailers-only is gRPC-Web's form of a call
// that ends before its first message and sends no response header; HTTP-only is
// the answer of a router that knows no such procedure.
export type Shape = "unary" | "stream" | "trailers-only" | "HTTP-only";

// travels says where the answer carries what the page expects: "body", "status",
// or the name of a header field. Browsers let pages read body and status once an
// origin may read at all, and of the header fields those that
// Access-Control-Expose-Headers names.
export function travels(e: Expectation, protocol: Protocol, shape: Shape): string {
  if (shape === "HTTP-only") {
    return "status";
  }
  const trailersOnly = shape === "trailers-only";
  const connectUnary = protocol === "Connect" && shape === "unary";
  const name = canonical(e.name ?? "");
  switch (e.kind) {
    case "header":
      return name;
    case "trailer":
      return connectUnary ? `Trailer-${name}` : trailersOnly ? name : "body";
    case "metadata":
      return connectUnary || trailersOnly ? name : "body";
    case "answer":
    case "code":
      return trailersOnly ? "Grpc-Status" : "body";
    case "message":
      return trailersOnly ? "Grpc-Message" : "body";
    case "detail":
      return trailersOnly ? "Grpc-Status-Details-Bin" : "body";
  }
}

// canonical writes a field name as people do: X-Cost.
function canonical(name: string): string {
  return name.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
