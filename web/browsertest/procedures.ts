import {
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescMethod,
  type JsonValue,
} from "@bufbuild/protobuf";
import { AdminService } from "../gen/acme/shop/v1/admin_pb";
import { CartService } from "../gen/acme/shop/v1/cart_pb";
import { CatalogService } from "../gen/acme/shop/v1/catalog_pb";
import { WarehouseService } from "../gen/acme/shop/v1/warehouse_pb";
import type { Call, Cell } from "./cell";

const methods = new Map<string, DescMethod>(
  [AdminService, CartService, CatalogService, WarehouseService].flatMap((service) =>
    service.methods.map((method): [string, DescMethod] => [
      `${service.typeName}/${method.name}`,
      method,
    ]),
  ),
);

// prepare finds the cell's method and encodes its request.
export function prepare(cell: Cell): Call {
  const known = methods.get(cell.like);
  if (known === undefined) {
    throw new Error(`proto/ has no ${cell.like}`);
  }
  const [service, name] = cell.procedure.split("/") as [string, string];
  const parent = { ...known.parent, typeName: service };
  const method: DescMethod = { ...known, parent, name, localName: "call" };
  return {
    ...cell,
    method,
    service,
    request: { bytes: toBinary(method.input, fromJson(method.input, cell.request)) },
  };
}

// receiver returns how to write the messages of an answer as JSON.
export function receiver(call: Call): (bytes: Uint8Array) => JsonValue {
  return (bytes) => toJson(call.method.output, fromBinary(call.method.output, bytes));
}
