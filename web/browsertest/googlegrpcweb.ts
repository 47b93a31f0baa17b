import {
  GrpcWebClientBase,
  MethodDescriptor,
  MethodType,
  type GrpcWebClientBaseOptions,
  type RpcError,
} from "grpc-web";
import { record, type Client, type Message, type Seen } from "./cell";

// googleGrpcWeb is Google's grpc-web. Its code generator is not used: what it
// makes is a MethodDescriptor per method, and a class that passes it on.
export function googleGrpcWeb(options: GrpcWebClientBaseOptions): Client {
  return (call, receive) =>
    new Promise((resolve) => {
      const seen: Seen = { messages: [], errors: [] };
      const client = new GrpcWebClientBase({
        ...options,
        withCredentials: call.credentials === "include",
      });
      const url = `${call.baseUrl}/${call.procedure}`;
      const descriptor = new MethodDescriptor<Message, Uint8Array>(
        `/${call.procedure}`,
        call.method.methodKind === "unary" ? MethodType.UNARY : MethodType.SERVER_STREAMING,
        Object as never,
        Object as never,
        (request: Message) => request.bytes,
        (bytes: Uint8Array) => bytes,
      );
      const metadata = { ...call.metadata };
      if (call.timeoutMs !== undefined) {
        metadata.deadline = String(Date.now() + call.timeoutMs);
      }
      const fail = (error: RpcError) => {
        // What it says of an answer that is no gRPC-Web it says again whenever the
        // XMLHttpRequest changes its state.
        const last = seen.errors.at(-1);
        if (last?.code === error.code && last.message === error.message) {
          return;
        }
        seen.errors.push({
          code: error.code,
          message: error.message,
          ...(error.metadata && { metadata: record(Object.entries(error.metadata)) }),
        });
      };

      const stream =
        call.method.methodKind === "unary"
          ? client.rpcCall(url, call.request, metadata, descriptor, (error, response) => {
              // With an error of the HTTP layer the callback is called once more,
              // with neither.
              if (error) {
                fail(error);
              } else if (response) {
                seen.messages.push(receive(response));
              }
            })
          : client
              .serverStreaming(url, call.request, metadata, descriptor)
              .on("data", (response) => seen.messages.push(receive(response)))
              .on("error", fail)
              .on("end", () => {
                seen.ended = true;
              });
      stream.on("status", (status) => {
        if (status.code === 0) {
          seen.trailer = record(Object.entries(status.metadata ?? {}));
        }
      });
      // The header comes last, when the XMLHttpRequest is complete, and errors and
      // the end right after it.
      stream.on("metadata", (header) => {
        seen.header = record(Object.entries(header));
        queueMicrotask(() => resolve(seen));
      });
    });
}
