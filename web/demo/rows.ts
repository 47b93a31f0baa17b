import { calls, type Call } from "./calls";
import type { Encoding } from "./transports";
import type { Protocol, Shape } from "./wire";

// A Row is a call over one protocol.
export interface Row {
  id: string;
  call: Call;
  protocol: Protocol;
  encoding: Encoding;
  shape: Shape;
}

const protocols: Protocol[] = ["Connect", "gRPC-Web"];

// rows are all calls over Connect, then all over gRPC-Web.
export const rows: Row[] = protocols.flatMap((protocol) =>
  calls.flatMap((call) => {
    const way = call.over[protocol];
    return way ? [{ id: `${call.id}-${protocol.toLowerCase()}`, call, protocol, ...way }] : [];
  }),
);
