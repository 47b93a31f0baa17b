import { GrpcWebFetchTransport } from "@protobuf-ts/grpcweb-transport";
import { RpcError, type MethodInfo, type RpcMetadata, type RpcOptions } from "@protobuf-ts/runtime-rpc";
import { foreign, record, type Client, type Message, type Seen, type SeenError } from "./cell";

// protobufTs is @protobuf-ts/grpcweb-transport. Of its message types it uses
// toBinary and fromBinary.
export function protobufTs(format: "binary" | "text"): Client {
  return async (call, receive) => {
    const seen: Seen = { messages: [], errors: [] };
    const transport = new GrpcWebFetchTransport({
      baseUrl: call.baseUrl,
      format,
      fetchInit: { credentials: call.credentials },
    });
    const method = {
      name: call.method.name,
      service: { typeName: call.service },
      I: { toBinary: (request: Message) => request.bytes },
      O: { fromBinary: (bytes: Uint8Array): Message => ({ bytes: bytes.slice() }) },
    } as MethodInfo<Message, Message>;
    const options: RpcOptions = { ...transport.mergeOptions({}), meta: call.metadata };
    if (call.timeoutMs !== undefined) {
      options.timeout = call.timeoutMs;
    }

    const errors = new Set<unknown>();
    const settle = async (...steps: (() => Promise<void>)[]) => {
      for (const step of steps) {
        try {
          await step();
        } catch (thrown) {
          errors.add(thrown); // the same one again for each promise that fails
        }
      }
    };
    if (call.method.methodKind === "unary") {
      const unary = transport.unary(method, call.request, options);
      unary.headers.catch(() => {});
      await settle(
        async () => void seen.messages.push(receive((await unary.response).bytes)),
        async () => void (await unary.status),
        async () => void (seen.header = metadataRecord(await unary.headers)),
        async () => void (seen.trailer = metadataRecord(await unary.trailers)),
      );
    } else {
      const stream = transport.serverStreaming(method, call.request, options);
      await settle(
        async () => {
          for await (const message of stream.responses) {
            seen.messages.push(receive(message.bytes));
          }
        },
        async () => void (await stream.status),
        async () => void (seen.header = metadataRecord(await stream.headers)),
        async () => void (seen.trailer = metadataRecord(await stream.trailers)),
      );
    }
    seen.errors = [...errors].map(errorSeen);
    return seen;
  };
}

function errorSeen(thrown: unknown): SeenError {
  if (!(thrown instanceof RpcError)) {
    return foreign(thrown);
  }
  return {
    code: codes.indexOf(thrown.code),
    message: thrown.message,
    metadata: metadataRecord(thrown.meta),
  };
}

// codes are the names that this client gives gRPC's codes, by number.
const codes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

function metadataRecord(metadata: RpcMetadata): Record<string, string> {
  return record(
    Object.entries(metadata).map(([name, value]): [string, string] => [
      name,
      typeof value === "string" ? value : value.join(", "),
    ]),
  );
}
