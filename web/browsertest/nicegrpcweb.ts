import {
  ClientError,
  createChannel,
  createClient,
  FetchTransport,
  Metadata,
  type CallOptions,
  type MethodDefinition,
} from "nice-grpc-web";
import { base64, foreign, record, type Client, type Message, type Seen } from "./cell";

// niceGrpcWeb is nice-grpc-web, with a service definition as its generators make
// them.
export const niceGrpcWeb: Client = async (call, receive) => {
  const seen: Seen = { messages: [], errors: [] };
  const channel = createChannel(call.baseUrl, FetchTransport({ credentials: call.credentials }));
  const options: CallOptions = {
    metadata: new Metadata(call.metadata),
    onHeader: (header) => {
      seen.header = metadataRecord(header);
    },
    onTrailer: (trailer) => {
      seen.trailer = metadataRecord(trailer);
    },
  };
  const definition = {
    path: `/${call.procedure}`,
    requestStream: false as const,
    requestSerialize: (request: Message) => request.bytes,
    requestDeserialize: (bytes: Uint8Array): Message => ({ bytes }),
    responseSerialize: (response: Message) => response.bytes,
    responseDeserialize: (bytes: Uint8Array): Message => ({ bytes }),
    options: {},
  } satisfies Omit<MethodDefinition<Message, Message, Message, Message>, "responseStream">;
  try {
    if (call.method.methodKind === "unary") {
      const client = createClient({ call: { ...definition, responseStream: false as const } }, channel);
      const response = await client.call(call.request, options);
      seen.messages.push(receive(response.bytes));
    } else {
      const client = createClient({ call: { ...definition, responseStream: true as const } }, channel);
      for await (const response of client.call(call.request, options)) {
        seen.messages.push(receive(response.bytes));
      }
    }
  } catch (thrown) {
    seen.errors.push(
      thrown instanceof ClientError ? { code: thrown.code, message: thrown.details } : foreign(thrown),
    );
  }
  return seen;
};

function metadataRecord(metadata: Metadata): Record<string, string> {
  const entries: [string, string][] = [];
  for (const [name, values] of metadata) {
    const texts = values.map((value) => (typeof value === "string" ? value : base64(value)));
    entries.push([name, texts.join(", ")]);
  }
  return record(entries);
}
