import {
  fromBinary,
  toJson,
  type DescMethodServerStreaming,
  type DescMethodUnary,
} from "@bufbuild/protobuf";
import { ConnectError, createClient, type CallOptions, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { base64, record, type Call, type Client, type Seen } from "./cell";

type TransportOptions = Parameters<typeof createConnectTransport>[0];

// connectWeb is @connectrpc/connect-web over the transport that create makes.
export function connectWeb(create: (options: TransportOptions) => Transport): Client {
  return async (call) => {
    const seen: Seen = { messages: [], errors: [] };
    const transport = create({
      baseUrl: call.baseUrl,
      fetch: (input, init) => fetch(input, { ...init, credentials: call.credentials }),
    });
    const options: CallOptions = {
      headers: call.metadata,
      timeoutMs: call.timeoutMs,
      onHeader: (header) => {
        seen.header = record(header);
      },
      onTrailer: (trailer) => {
        seen.trailer = record(trailer);
      },
    };
    try {
      for await (const message of invoke(call, transport, options)) {
        seen.messages.push(toJson(call.method.output, message));
      }
    } catch (thrown) {
      const error = ConnectError.from(thrown);
      seen.errors.push({
        code: error.code,
        message: error.rawMessage,
        details: error.details.map((detail) => {
          if (!("type" in detail)) {
            throw new Error("an error that was received has details of an outgoing one");
          }
          return { type: detail.type, value: base64(detail.value) };
        }),
        metadata: record(error.metadata),
      });
    }
    return seen;
  };
}

async function* invoke(call: Call, transport: Transport, options: CallOptions) {
  const request = fromBinary(call.method.input, call.request.bytes);
  switch (call.method.methodKind) {
    case "unary":
      yield await createClient(only(call.method as DescMethodUnary), transport).call(request, options);
      break;
    case "server_streaming":
      yield* createClient(only(call.method as DescMethodServerStreaming), transport).call(request, options);
      break;
    default:
      throw new Error(`pages do not call ${call.method.methodKind} procedures`);
  }
}

// only returns the method's service with this method alone.
function only<M extends DescMethodUnary | DescMethodServerStreaming>(method: M) {
  return { ...method.parent, methods: [method], method: { call: method } } as unknown as {
    kind: "service";
    method: { call: M };
  } & M["parent"];
}

export const connectJson = connectWeb((o) => createConnectTransport(o));
export const connectBinary = connectWeb((o) => createConnectTransport({ ...o, useBinaryFormat: true }));
export const connectGet = connectWeb((o) => createConnectTransport({ ...o, useHttpGet: true }));
export const connectGrpcWeb = connectWeb((o) => createGrpcWebTransport(o));
export const connectGrpcWebJson = connectWeb((o) => createGrpcWebTransport({ ...o, useBinaryFormat: false }));
