import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, createClient, type CallOptions, type Transport } from "@connectrpc/connect";
import {
  CartService,
  OrderStage,
  ParcelLostSchema,
  PaymentDeclinedSchema,
} from "../gen/acme/shop/v1/cart_pb";
import { CatalogService } from "../gen/acme/shop/v1/catalog_pb";
import type { Money } from "../gen/acme/shop/v1/money_pb";
import {
  answer,
  answerBefore,
  code,
  detail,
  errorMetadata,
  header,
  message,
  noMessage,
  trailer,
  type Expectation,
} from "./expectation";
import type { Script } from "./observe";
import type { Encoding } from "./transports";
import type { Protocol, Shape } from "./wire";

// A Call is made to every API, over each protocol that it names.
export interface Call {
  id: string;
  title: string;
  procedure: string;
  // sends is what the page adds to the request's header.
  sends: string;
  // note says why the columns differ, or do not.
  note: string;
  over: { [P in Protocol]?: { encoding: Encoding; shape: Shape } };
  script(transport: Transport): Script;
  expects: Expectation[];
}

const signedIn = { Authorization: "Bearer ada" };

// calls are the same for every API. What they expect is what the shop sends:
// proto/acme/shop/v1 says so.
export const calls: Call[] = [
  {
    id: "add-item",
    title: "Add an item to the cart",
    procedure: "CartService/AddItem",
    sends: "Authorization, X-Tenant-Id",
    note: "The browser first asks whether the page may send X-Tenant-Id. Where the list of allowed headers does not name it, the call is never made.",
    over: {
      Connect: { encoding: "JSON", shape: "unary" },
      "gRPC-Web": { encoding: "binary", shape: "unary" },
    },
    script: (transport) => async (options, say) => {
      const added = await createClient(CartService, transport).addItem(
        { item: { productId: "teapot", quantity: 2 } },
        { ...options, headers: { ...signedIn, "X-Tenant-Id": "acme" } },
      );
      say(`${added.item?.quantity} × ${added.item?.productId} at ${added.tenant}: ${price(added.total)}`);
    },
    expects: [
      answer("2 × teapot at acme: 49.00 EUR"),
      header("x-request-id", "add-item-ada"),
      trailer("x-cost", "1"),
    ],
  },
  {
    id: "checkout",
    title: "Check out",
    procedure: "CartService/Checkout",
    sends: "Authorization",
    note: "Connect sends the trailers of a unary call as header fields, gRPC-Web sends them in the body. A browser does not say that it hides a field: the page reads null, and nothing is logged.",
    over: {
      Connect: { encoding: "binary", shape: "unary" },
      "gRPC-Web": { encoding: "binary", shape: "unary" },
    },
    script: (transport) => checkOut(transport, "tok_visa", signedIn),
    expects: [
      answer("order-ada"),
      header("x-request-id", "checkout-ada"),
      trailer("x-cost", "5"),
    ],
  },
  {
    id: "declined",
    title: "Check out, card declined",
    procedure: "CartService/Checkout",
    sends: "Authorization",
    note: "Connect sends error metadata and trailers as header fields. Here gRPC-Web does so too, under their plain names, since the call fails before its first message.",
    over: {
      Connect: { encoding: "JSON", shape: "unary" },
      "gRPC-Web": { encoding: "binary", shape: "trailers-only" },
    },
    script: (transport) => checkOut(transport, "tok_expired", signedIn),
    expects: [
      code(Code.FailedPrecondition),
      message("the payment was declined"),
      detail(PaymentDeclinedSchema, (declined) => declined.paymentToken, "tok_expired"),
      errorMetadata("x-retry-hint", "use-another-card"),
      trailer("x-cost", "5"),
    ],
  },
  {
    id: "signed-out",
    title: "Check out without signing in",
    procedure: "CartService/Checkout",
    sends: "",
    note: "A failed authentication is readable if the answer lets the origin read, which a 401 from a middleware outside CORS does not.",
    over: {
      Connect: { encoding: "JSON", shape: "unary" },
      "gRPC-Web": { encoding: "binary", shape: "trailers-only" },
    },
    script: (transport) => checkOut(transport, "tok_visa", {}),
    expects: [
      code(Code.Unauthenticated),
      message('send the metadata authorization: "Bearer " and a name'),
    ],
  },
  {
    id: "product",
    title: "Look at a product",
    procedure: "CatalogService/GetProduct",
    sends: "",
    note: "No preflight: such a GET runs on every server, and CORS only decides about reading. corsrpc refuses it to pages that are not listed.",
    over: { Connect: { encoding: "JSON, GET", shape: "unary" } },
    script: (transport) => async (options, say) => {
      const { product } = await createClient(CatalogService, transport).getProduct(
        { productId: "kettle" },
        options,
      );
      say(`${product?.name}: ${price(product?.price)}`);
    },
    expects: [answer("Copper kettle: 89.00 EUR"), header("x-catalog-version", "2026-10")],
  },
  {
    id: "prices",
    title: "Watch prices",
    procedure: "CatalogService/WatchPrices",
    sends: "",
    note: "Streams send trailers in the body, which hides nothing. Response headers are header fields all the same.",
    over: {
      Connect: { encoding: "JSON", shape: "stream" },
      "gRPC-Web": { encoding: "binary", shape: "stream" },
    },
    script: (transport) => async (options, say) => {
      const prices = createClient(CatalogService, transport).watchPrices(
        { productIds: ["teapot", "mug"] },
        options,
      );
      for await (const update of prices) {
        say(price(update.price));
      }
    },
    expects: [
      answer("24.50 EUR, 9.75 EUR"),
      header("x-catalog-version", "2026-10"),
      trailer("x-updates", "2"),
    ],
  },
  {
    id: "lost-parcel",
    title: "Track a parcel until it is lost",
    procedure: "CartService/TrackOrder",
    sends: "Authorization",
    note: "Once a message was sent, the failure travels in the body.",
    over: {
      Connect: { encoding: "binary", shape: "stream" },
      "gRPC-Web": { encoding: "binary", shape: "stream" },
    },
    script: (transport) => async (options, say) => {
      const stops = createClient(CartService, transport).trackOrder(
        { orderId: "order-lost" },
        { ...options, headers: signedIn },
      );
      for await (const stop of stops) {
        say(`${OrderStage[stop.stage].toLowerCase()}: ${stop.location}`);
      }
    },
    expects: [
      answerBefore("packed: Acme warehouse"),
      header("x-request-id", "track-order-ada"),
      code(Code.DataLoss),
      message("the parcel got lost"),
      detail(ParcelLostSchema, (lost) => lost.lastLocation, "Acme warehouse"),
      errorMetadata("x-retry-hint", "order-again"),
      trailer("x-updates", "1"),
    ],
  },
  {
    id: "no-hit",
    title: "Search without a hit",
    procedure: "CatalogService/SearchProducts",
    sends: "",
    note: "With neither a message nor a response header, gRPC-Web has no body to put trailers in: they are header fields.",
    over: {
      Connect: { encoding: "JSON", shape: "stream" },
      "gRPC-Web": { encoding: "binary", shape: "trailers-only" },
    },
    script: (transport) => async (options, say) => {
      const hits = createClient(CatalogService, transport).searchProducts(
        { query: "zeppelin" },
        options,
      );
      for await (const hit of hits) {
        say(hit.product?.id ?? "");
      }
    },
    expects: [answer(noMessage), trailer("x-hits", "0")],
  },
  {
    id: "newer-page",
    title: "Call a method the server lacks",
    procedure: "CatalogService/ListReviews",
    sends: "",
    note: "A 404 that the page may read is “unimplemented”. One that it may not read is “Failed to fetch”, as if the server were down.",
    over: {
      Connect: { encoding: "JSON", shape: "HTTP-only" },
      "gRPC-Web": { encoding: "binary", shape: "HTTP-only" },
    },
    // The page was built from a newer schema, as during every deployment.
    script: (transport) => async (options) => {
      const method: DescMethodUnary = {
        ...CatalogService.method.getProduct,
        name: "ListReviews",
        localName: "listReviews",
      };
      const client = createClient({ ...CatalogService, methods: [method] }, transport) as unknown as {
        listReviews(request: object, options: CallOptions): Promise<unknown>;
      };
      await client.listReviews({}, options);
    },
    expects: [code(Code.Unimplemented)],
  },
];

function checkOut(transport: Transport, paymentToken: string, headers: HeadersInit): Script {
  return async (options, say) => {
    const order = await createClient(CartService, transport).checkout(
      { paymentToken },
      { ...options, headers },
    );
    say(order.orderId);
  };
}

function price(amount: Money | undefined): string {
  return amount ? `${(amount.minorUnits / 100).toFixed(2)} ${amount.currencyCode}` : "";
}
