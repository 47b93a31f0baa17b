import type { DescMethod, JsonValue } from "@bufbuild/protobuf";

// A Cell is one call that the page makes.
export interface Cell {
  id: number;
  // client names one of clients.
  client: string;
  baseUrl: string;
  // procedure is "acme.shop.v1.CatalogService/GetProduct"; like is a procedure of
  // the same types, which proto/ has even where it does not have the first.
  procedure: string;
  like: string;
  request: JsonValue;
  metadata: Record<string, string>;
  // timeoutMs is given to the client the way that it takes deadlines, if it does.
  timeoutMs?: number;
  credentials: RequestCredentials;
}

// A Call is a Cell with what the clients need of it.
export interface Call extends Omit<Cell, "request"> {
  method: DescMethod;
  service: string;
  request: Message;
}

// A Message is one of the shop's, for runtimes that know nothing of its schema.
export interface Message {
  bytes: Uint8Array;
}

// Seen is all that a client hands over of one call. Names are lower-case. What
// the client never handed over is absent.
export interface Seen {
  messages: JsonValue[];
  header?: Record<string, string>;
  trailer?: Record<string, string>;
  // errors has one element at most, except with Google's client, which can call
  // its error listener several times for one call.
  errors: SeenError[];
  // ended says that the client told of the end of a stream, where that is not
  // the same as being without an error.
  ended?: boolean;
}

export interface SeenError {
  // code is gRPC's, and -1 if what was thrown is no error of the client's own.
  code: number;
  message: string;
  details?: { type: string; value: string }[];
  metadata?: Record<string, string>;
}

// A Client makes a call and notes what it sees. receive turns a message of the
// answer into JSON.
export type Client = (call: Call, receive: (bytes: Uint8Array) => JsonValue) => Promise<Seen>;

// base64 writes bytes as the protocols do: without padding.
export function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");
}

// record makes a record of a Headers object, or of anything else with entries.
export function record(entries: Iterable<[string, string]>): Record<string, string> {
  return Object.fromEntries([...entries].map(([name, value]) => [name.toLowerCase(), value]));
}

// foreign is for what is thrown that is no error of the client's own.
export function foreign(thrown: unknown): SeenError {
  return { code: -1, message: String(thrown) };
}
