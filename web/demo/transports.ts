import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import type { Protocol } from "./wire";

export type Encoding = "JSON" | "binary" | "JSON, GET";

// transportTo returns what a page would use to call the API at baseUrl.
export function transportTo(baseUrl: string, protocol: Protocol, encoding: Encoding): Transport {
  if (protocol === "gRPC-Web") {
    return createGrpcWebTransport({ baseUrl, useBinaryFormat: encoding === "binary" });
  }
  return createConnectTransport({
    baseUrl,
    useBinaryFormat: encoding === "binary",
    useHttpGet: encoding === "JSON, GET",
  });
}
