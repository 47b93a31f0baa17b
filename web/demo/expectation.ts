import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { metadata, type Seen } from "./observe";

// An Expectation is one thing that the shop sends, as proto/acme/shop/v1
// promises it.
export interface Expectation {
  kind: Kind;
  // name is the field's, for header, trailer and metadata.
  name?: string;
  value: string;
  // read returns what the page saw in its place, or undefined.
  read(seen: Seen): string | undefined;
}

export type Kind = "answer" | "code" | "message" | "detail" | "header" | "trailer" | "metadata";

// label names an expectation in the table and in the result.
export function label(e: Expectation): string {
  return e.name === undefined ? e.kind : `${e.kind} ${e.name}`;
}

// noMessage is the answer of a stream that ends well without a message.
export const noMessage = "success, no message";

// answer expects these messages, and that the call ends well.
export function answer(value: string): Expectation {
  return {
    kind: "answer",
    value,
    read: (seen) => seen.error?.rawMessage ?? (seen.answers.join(", ") || noMessage),
  };
}

// answerBefore expects these messages before the call fails.
export function answerBefore(value: string): Expectation {
  return {
    kind: "answer",
    value,
    read: (seen) => (seen.answers.length > 0 ? seen.answers.join(", ") : seen.error?.rawMessage),
  };
}

export function code(value: Code): Expectation {
  return {
    kind: "code",
    value: codeName(value),
    read: (seen) => seen.error && codeName(seen.error.code),
  };
}

export function message(value: string): Expectation {
  return { kind: "message", value, read: (seen) => seen.error?.rawMessage };
}

export function detail<D extends DescMessage>(
  schema: D,
  describe: (detail: MessageShape<D>) => string,
  value: string,
): Expectation {
  return {
    kind: "detail",
    name: schema.name,
    value,
    read: (seen) => seen.error?.findDetails(schema).map(describe)[0],
  };
}

export const header = field("header");
export const trailer = field("trailer");
export const errorMetadata = field("metadata");

function field(kind: Kind) {
  return (name: string, value: string): Expectation => ({
    kind,
    name,
    value,
    read: (seen) => metadata(seen, name),
  });
}

// codeName returns a code as the protocols write it: failed_precondition.
function codeName(value: Code): string {
  return Code[value].replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase();
}

// A Finding is what became of an expectation in one column.
export interface Finding {
  readable: boolean;
  // seen is what the page saw, null if nothing.
  seen: string | null;
}

export function find(e: Expectation, seen: Seen): Finding {
  const value = e.read(seen);
  return { readable: value === e.value, seen: value ?? null };
}
