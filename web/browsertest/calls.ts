import type { Cell, Client, Seen } from "./cell";
import {
  connectBinary,
  connectGet,
  connectGrpcWeb,
  connectGrpcWebJson,
  connectJson,
} from "./connectweb";
import { googleGrpcWeb } from "./googlegrpcweb";
import { improbable } from "./improbable";
import { niceGrpcWeb } from "./nicegrpcweb";
import { prepare, receiver } from "./procedures";
import { protobufTs } from "./protobufts";

const clients: Record<string, Client> = {
  "connect-json": connectJson,
  "connect-binary": connectBinary,
  "connect-get": connectGet,
  "connect-grpc-web": connectGrpcWeb,
  "connect-grpc-web-json": connectGrpcWebJson,
  "google-binary": googleGrpcWeb({ format: "binary" }),
  "google-text": googleGrpcWeb({ format: "text" }),
  "google-no-preflight": googleGrpcWeb({ format: "binary", suppressCorsPreflight: true }),
  improbable,
  "protobuf-ts-binary": protobufTs("binary"),
  "protobuf-ts-text": protobufTs("text"),
  "nice-grpc-web": niceGrpcWeb,
};

export interface Report {
  id: number;
  seen: Seen;
}

// makeCalls makes all calls, several at a time, since most of the time goes into
// waiting.
export async function makeCalls(cells: Cell[]): Promise<Report[]> {
  const reports: Report[] = [];
  const waiting = cells.values();
  const worker = async () => {
    for (const cell of waiting) {
      const client = clients[cell.client];
      if (client === undefined) {
        throw new Error(`the page has no client ${cell.client}`);
      }
      const call = prepare(cell);
      reports.push({ id: cell.id, seen: await client(call, receiver(call)) });
    }
  };
  const atATime = 4;
  await Promise.all(Array.from({ length: atATime }, worker));
  return reports;
}
