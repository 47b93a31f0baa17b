// Decides about requests by the file that `corsrpc export json` writes, as
// docs/edge-json.md describes it, step by step. It runs in workers of CDNs, in
// Node.js, Deno and Bun.

/**
 * A Policy answers for a policy that was exported.
 */
export class Policy {
  #rules;
  #grants;
  #services;
  #bindings;
  #fallbacks;
  #resources;
  #unclean;

  /** @param rules the object that the file has */
  constructor(rules) {
    if (rules.version !== 1) {
      throw new Error(`version ${rules.version} of the exported policy is not known: use a newer program`);
    }
    this.#rules = rules;
    const origins = rules.origins.map((list) => ({
      any: list.any,
      exact: new Set(list.exact),
      patterns: list.patterns.map((pattern) => new RegExp(pattern)),
    }));
    this.#grants = rules.grants.map((grant) => ({ ...grant, origins: origins[grant.origins] }));
    this.#services = rules.services.map((service) => ({
      prefix: service.prefix,
      grant: this.#grants[service.grant],
      alias: new RegExp(service.alias, "i"),
      judge: this.#grants[service.judge],
      plain: service.plain === "" ? null : new RegExp(service.plain),
      stricter: new RegExp(service.stricter, "i"),
    }));
    this.#bindings = rules.bindings.map((binding) => ({
      ...binding,
      grant: this.#grants[binding.grant],
      grants: new RegExp(binding.grants),
      refuses: new RegExp(binding.refuses, "i"),
      uncleanly: new RegExp(binding.uncleanly, "i"),
    }));
    this.#fallbacks = rules.fallbacks.map((fallback) => ({ grant: this.#grants[fallback.grant], grants: new RegExp(fallback.grants) }));
    this.#resources = rules.resources.map((resource) => ({
      ...resource,
      grant: this.#grants[resource.grant],
      grants: new RegExp(resource.grants),
      wide: new RegExp(resource.wide),
    }));
    this.#unclean = new RegExp(rules.unclean, "i");
  }

  /**
   * Decides about a request.
   *
   * @param request its method, path (raw, without the query), host (the value of
   *   Host), and header, a function that returns the lines of a name, given in
   *   lower case: an empty list if there is none
   * @returns an object. If pass is true, send the request to the backend, and
   *   then responseHeaders(decision, …). Otherwise, status, headers and body are
   *   the response.
   */
  decide(request) {
    const origins = request.header("origin");
    const asked = request.header("access-control-request-method");
    const q = {
      method: request.method,
      preflight: request.method === "OPTIONS" && origins.length > 0 && asked.length > 0,
      host: request.host,
      origins,
      sites: request.header("sec-fetch-site"),
      speculative: request.header("sec-purpose").length > 0,
      cookies: request.header("cookie").length > 0,
    };
    const path = escapeBytes(request.path);
    const { own, judges, meant } = this.#find(path, q, request, asked);
    return q.preflight ? this.#preflight(own, judges, meant, q) : this.#call(own, judges, meant, q);
  }

  // Step 2: what the path grants, and which grants must let the request pass.
  #find(path, q, request, asked) {
    if (Object.hasOwn(this.#rules.procedures, path)) {
      const own = this.#grants[this.#rules.procedures[path]];
      return { own, judges: [own], meant: true };
    }
    const method = q.preflight ? asked[0] : q.method;
    const form = !q.preflight && method === "POST" && request.header("content-type").some((line) => line.split(";")[0].trim().toLowerCase() === "application/x-www-form-urlencoded");
    const override = !q.preflight && request.header("x-http-method-override").length > 0;

    let own = this.#services.find((service) => path.startsWith(service.prefix))?.grant;
    const judges = [];
    const unclean = this.#unclean.test(path);
    for (const binding of this.#bindings) {
      const asked = asks(binding, method, form, override);
      if ((asked && binding.refuses.test(path)) || ((asked || binding.verb) && unclean && binding.uncleanly.test(path))) {
        judges.push(binding.grant);
      }
      if (!own && fits(binding, method, form, override) && binding.grants.test(path)) {
        own = binding.grant;
      }
    }
    own ??= this.#fallbacks.find((fallback) => fallback.grants.test(path))?.grant;
    let meant = judges.length > 0;
    const enforced = own !== undefined || meant;
    let exempt = false;
    const resource = this.#resources.find((resource) => resource.wide.test(path));
    if (resource) {
      meant = true;
      if (!enforced && resource.grants.test(path)) {
        own = resource.grant;
        exempt = resource.exempt;
      }
    }
    if (!exempt) {
      for (const service of this.#services) {
        if (service.alias.test(path) && !(service.plain?.test(path) && !service.stricter.test(path))) {
          judges.push(service.judge);
          meant = true;
          if (!enforced) {
            own = undefined;
          }
        }
      }
    }
    if (own) {
      judges.push(own);
    }
    return { own, judges, meant };
  }

  // Step 3.
  #preflight(own, judges, meant, q) {
    if (judges.some((grant) => !this.#permitsPreflight(grant, q)) || (!own && meant)) {
      return { pass: false, status: 403, headers: { "Cache-Control": "no-store", Vary: "Origin" }, body: "" };
    }
    if (!own) {
      return { pass: true, headers: {}, governed: false };
    }
    const headers = this.#allowOrigin(own, q);
    set(headers, "Access-Control-Allow-Methods", own.allowMethods);
    set(headers, "Access-Control-Allow-Headers", own.allowHeaders);
    headers["Access-Control-Max-Age"] = own.maxAge;
    return { pass: false, status: 204, headers, body: "" };
  }

  #permitsPreflight(grant, q) {
    if (this.#rules.requireHosts && grant.enforced && !this.#isOwnHost(q.host)) {
      return false;
    }
    return !grant.internal && lists(grant, q);
  }

  // Step 4.
  #call(own, judges, meant, q) {
    if (!this.#rules.behindGate) {
      for (const grant of judges) {
        const reason = this.#refusal(grant, q);
        if (reason) {
          return {
            pass: false,
            status: 403,
            headers: { "Cache-Control": "no-store", "Content-Type": "text/plain; charset=utf-8", Vary: "Origin", "X-Content-Type-Options": "nosniff" },
            body: this.#rules.bodies[grant.notConfigured ? "not_configured" : reason],
          };
        }
      }
    }
    if (!own) {
      return { pass: true, headers: {}, governed: meant };
    }
    const read = q.method === "GET" || q.method === "HEAD";
    let headers = {};
    if ((!own.internal && lists(own, q)) || (own.origins.any && read)) {
      headers = this.#allowOrigin(own, q);
      set(headers, "Access-Control-Expose-Headers", own.exposeHeaders);
    } else if (!own.origins.any && (read || q.origins.length > 0)) {
      headers.Vary = "Origin";
    }
    return { pass: true, headers, governed: true };
  }

  // The reason why a grant refuses a call, or an empty string.
  #refusal(grant, q) {
    const marked = q.origins.length > 0 || q.sites.length > 0;
    if (!grant.enforced) {
      return "";
    }
    if (grant.reportOnly) {
      return grant.internal && marked ? "internal_method" : "";
    }
    if (this.#rules.requireHosts && !this.#isOwnHost(q.host)) {
      return "host_not_allowed";
    }
    if (!marked) {
      return this.#rules.requireFetchMetadata ? "fetch_metadata_missing" : "";
    }
    if (grant.internal) {
      return "internal_method";
    }
    if (q.sites.length === 1 && (q.sites[0] === "same-origin" || (q.sites[0] === "none" && !q.speculative))) {
      return "";
    }
    if (q.origins.length === 0) {
      return grant.links && (q.method === "GET" || q.method === "HEAD") ? "" : "origin_missing";
    }
    if (q.sites.length === 0 && q.origins.length === 1 && this.#isOwnOrigin(q.origins[0], q.host)) {
      return "";
    }
    if (q.origins.length > 1 || q.origins[0] === "") {
      return "origin_malformed";
    }
    if (!lists(grant, q)) {
      return "origin_not_allowed";
    }
    return !grant.credentials && q.cookies ? "credentials_not_allowed" : "";
  }

  #allowOrigin(grant, q) {
    const headers = { "Access-Control-Allow-Origin": grant.origins.any ? "*" : q.origins[0] };
    if (!grant.origins.any) {
      headers.Vary = "Origin";
    }
    if (grant.credentials) {
      headers["Access-Control-Allow-Credentials"] = "true";
    }
    return headers;
  }

  #isOwnHost(host) {
    return (this.#rules.hosts ?? []).some((own) => sameHost(own, host));
  }

  #isOwnOrigin(origin, host) {
    const named = /^https?:\/\/(.*)$/s.exec(origin);
    return named !== null && (this.#rules.hosts ?? [host]).some((own) => sameHost(named[1], own));
  }
}

/**
 * Returns the headers of a backend's response as they are sent for a decision
 * that let the request pass.
 *
 * @param decision what decide returned
 * @param backend the backend's header lines: pairs of a name and a value
 */
export function responseHeaders(decision, backend) {
  const { Vary: vary, "Access-Control-Expose-Headers": expose, ...others } = decision.headers;
  const kept = [];
  const varies = [];
  const exposed = [];
  for (const [name, value] of backend) {
    switch (name.toLowerCase()) {
      case "vary":
        varies.push(value);
        break;
      case "access-control-expose-headers":
        exposed.push(value);
        break;
      default:
        if (!decision.governed || !name.toLowerCase().startsWith("access-control-")) {
          kept.push([name, value]);
        }
    }
  }
  const members = varies.flatMap((line) => line.split(",")).map((member) => member.trim());
  if (vary && members.includes("*")) {
    kept.push(["Vary", "*"]);
  } else {
    if (vary && !members.some((member) => member.toLowerCase() === "origin")) {
      varies.unshift(vary);
    }
    if (varies.length > 0) {
      kept.push(["Vary", varies.join(", ")]);
    }
  }
  if (expose) {
    exposed.unshift(expose);
  }
  for (const line of exposed) {
    kept.push(["Access-Control-Expose-Headers", line]);
  }
  return [...kept, ...Object.entries(others)];
}

function asks(binding, method, form, override) {
  if (override || binding.method === "*" || binding.method === method || (binding.method === "GET" && (form || method === "HEAD"))) {
    return true;
  }
  return !binding.others.includes(method) && !binding.others.includes("*");
}

function fits(binding, method, form, override) {
  return (binding.method === "*" || binding.method === method || (binding.method === "GET" && method === "HEAD")) && (binding.forms || !form) && (binding.overrides || !override);
}

function lists(grant, q) {
  if (q.origins.length !== 1 || q.origins[0] === "") {
    return false;
  }
  const { any, exact, patterns } = grant.origins;
  return any || exact.has(q.origins[0]) || patterns.some((pattern) => pattern.test(q.origins[0]));
}

// Hosts are the same without the default port of either scheme, case aside.
function sameHost(own, host) {
  const bare = (name) => name.replace(/:(?:443|80)$/, "");
  return bare(own) !== "" && bare(own) === bare(host).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function set(headers, name, value) {
  if (value !== "") {
    headers[name] = value;
  }
}

// Step 1: a path in ASCII. Servers that hand on bytes give them as characters up
// to U+00FF.
function escapeBytes(path) {
  return path.replace(/[\u0080-\uffff]+/g, (text) => {
    const bytes = /^[\u0080-\u00ff]+$/.test(text) ? Array.from(text, (c) => c.charCodeAt(0)) : new TextEncoder().encode(text);
    return Array.from(bytes, (byte) => "%" + byte.toString(16).toUpperCase()).join("");
  });
}
