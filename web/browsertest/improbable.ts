import { grpc } from "@improbable-eng/grpc-web";
import { record, type Client, type Seen } from "./cell";

// improbable is @improbable-eng/grpc-web. Its requests and responses are classes
// as google-protobuf's generator makes them; the client uses only these methods.
export const improbable: Client = (call, receive) =>
  new Promise((resolve) => {
    class Bytes {
      constructor(readonly bytes: Uint8Array = new Uint8Array()) {}
      static deserializeBinary(bytes: Uint8Array): Bytes {
        return new Bytes(bytes);
      }
      serializeBinary(): Uint8Array {
        return this.bytes;
      }
      toObject(): {} {
        return {};
      }
    }
    const seen: Seen = { messages: [], errors: [] };
    grpc.invoke(
      {
        methodName: call.method.name,
        service: { serviceName: call.service },
        requestStream: false,
        responseStream: call.method.methodKind !== "unary",
        requestType: Bytes,
        responseType: Bytes,
      },
      {
        host: call.baseUrl,
        request: new Bytes(call.request.bytes),
        metadata: call.metadata,
        transport: grpc.CrossBrowserHttpTransport({ withCredentials: call.credentials === "include" }),
        onHeaders: (headers) => {
          seen.header = metadataRecord(headers);
        },
        onMessage: (message) => seen.messages.push(receive((message as Bytes).bytes)),
        // An answer that is not 200 ends twice; the first time is the one that
        // says why.
        onEnd: (code, message, trailers) => {
          if (code === grpc.Code.OK) {
            seen.trailer = metadataRecord(trailers);
          } else if (seen.errors.length === 0) {
            seen.errors.push({ code, message, metadata: metadataRecord(trailers) });
          }
          resolve(seen);
        },
      },
    );
  });

function metadataRecord(metadata: grpc.Metadata): Record<string, string> {
  const entries: [string, string][] = [];
  metadata.forEach((name, values) => entries.push([name, values.join(", ")]));
  return record(entries);
}
