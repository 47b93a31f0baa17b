import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { CatalogService, ProductSchema, type Product } from "../gen/acme/shop/v1/catalog_pb";

const version = "2026-10";

const products = [
  product("teapot", "Stoneware teapot", 2450, 12),
  product("mug", "Stoneware mug", 975, 40),
  product("kettle", "Copper kettle", 8900, 3),
];

function product(id: string, name: string, minorUnits: number, stock: number): Product {
  return create(ProductSchema, { id, name, price: { currencyCode: "EUR", minorUnits }, stock });
}

function find(id: string): Product {
  const found = products.find((p) => p.id === id);
  if (found === undefined) {
    throw new ConnectError("no such product", Code.NotFound);
  }
  return found;
}

// catalog adds the service. CORS is not its concern.
export function catalog(router: ConnectRouter): void {
  router.service(CatalogService, {
    getProduct({ productId }, context) {
      const product = find(productId);
      context.responseHeader.set("x-catalog-version", version);
      return { product };
    },

    async *searchProducts({ query }, context) {
      const hits = products.filter((p) => p.name.toLowerCase().includes(query.toLowerCase()));
      for (const product of hits) {
        yield { product };
      }
      context.responseTrailer.set("x-hits", String(hits.length));
    },

    async *watchPrices({ productIds }, context) {
      context.responseHeader.set("x-catalog-version", version);
      let updates = 0;
      try {
        for (const productId of productIds) {
          yield { productId, price: find(productId).price };
          updates++;
        }
      } finally {
        context.responseTrailer.set("x-updates", String(updates));
      }
    },
  });
}
