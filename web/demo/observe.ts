import type { CallOptions } from "@connectrpc/connect";
import { ConnectError } from "@connectrpc/connect";

// Seen is all that a page can know of one call: what the client hands it.
export interface Seen {
  answers: string[];
  header: Headers;
  trailer: Headers;
  error?: ConnectError;
}

// A Script makes one call, with the options it is given added to its own, and
// says each message that it receives in a few words.
export type Script = (options: CallOptions, answer: (text: string) => void) => Promise<void>;

// observe runs a script and notes what the client hands over.
export async function observe(script: Script): Promise<Seen> {
  const seen: Seen = { answers: [], header: new Headers(), trailer: new Headers() };
  const options: CallOptions = {
    onHeader: (header) => {
      seen.header = header;
    },
    onTrailer: (trailer) => {
      seen.trailer = trailer;
    },
  };
  try {
    await script(options, (text) => seen.answers.push(text));
  } catch (reason) {
    seen.error = ConnectError.from(reason);
  }
  return seen;
}

// metadata returns a header, trailer or error metadata, wherever the client puts
// it: for a call that fails all three are in the error's metadata, and the
// trailers of an empty gRPC-Web stream are where they travel, in the header.
export function metadata(seen: Seen, name: string): string | undefined {
  for (const fields of [seen.header, seen.trailer, seen.error?.metadata]) {
    const value = fields?.get(name);
    if (value != null) {
      return value;
    }
  }
  return undefined;
}

// readableNames lists the header fields, trailers and error metadata that the
// page can enumerate.
export function readableNames(seen: Seen): string[] {
  const names = new Set<string>();
  for (const fields of [seen.header, seen.trailer, seen.error?.metadata]) {
    fields?.forEach((_, name) => names.add(name));
  }
  return [...names].sort();
}
