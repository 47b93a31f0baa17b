'use strict';
const own = 'http://localhost:18801', sameSite = 'http://localhost:18802', crossSite = 'http://127.0.0.1:18803';
const topology = { [own]: 'same-origin', [sameSite]: 'same-site', [crossSite]: 'cross-site' };
let number = 0;

// One fetch, or XMLHttpRequest, and what the page sees of it.
async function call(kind, server, answers, init = {}) {
  const url = new URL(server + '/x/' + kind + (init.path ?? number++));
  for (const [key, value] of Object.entries(answers)) url.searchParams.append(key, value);
  await fetch(own + '/begin', { method: 'POST' });
  const { api = 'fetch', path, ...options } = init;
  const net = api === 'xhr' ? await xhr(url, options) : await viaFetch(url, options);
  const description = {
    kind, variant: 'raw', credentials: net.credentials ?? '(default)', topology: frame ? 'cross-site' : topology[server],
    js: { ok: net.error === undefined, net: [net] },
  };
  await fetch(own + '/end', { method: 'POST', body: JSON.stringify(description) });
}

async function viaFetch(url, options) {
  const net = {
    api: 'fetch', credentials: options.credentials ?? '(default)', mode: options.mode ?? '(default)',
    redirect: options.redirect ?? '(default)',
  };
  try {
    const response = await fetch(url, options);
    Object.assign(net, { status: response.status, type: response.type, visible_headers: Object.fromEntries(response.headers) });
    await response.text();
  } catch (error) {
    net.error = String(error);
  }
  return net;
}

function xhr(url, options) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const net = { api: 'xhr', withCredentials: options.credentials === 'include' };
    request.open(options.method ?? 'GET', url);
    request.withCredentials = net.withCredentials;
    for (const [name, value] of Object.entries(options.headers ?? {})) request.setRequestHeader(name, value);
    if (options.listener) request.upload.onprogress = () => {};
    request.onloadend = () => {
      if (request.status === 0) {
        net.error = 'xhr error event';
      } else {
        net.status = request.status;
        net.visible_headers = {};
        for (const line of request.getAllResponseHeaders().trim().split('\r\n')) {
          const colon = line.indexOf(':');
          if (colon > 0) net.visible_headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
        }
      }
      resolve(net);
    };
    request.send(options.body ?? null);
  });
}

const origin = 'Access-Control-Allow-Origin', headers = 'Access-Control-Allow-Headers', methods = 'Access-Control-Allow-Methods',
  credentials = 'Access-Control-Allow-Credentials', maxAge = 'Access-Control-Max-Age', expose = 'Access-Control-Expose-Headers';
const open = { ['a.' + origin]: '{origin}', ['a.' + credentials]: 'true', ['p.' + origin]: '{origin}', ['p.' + credentials]: 'true', ['p.' + maxAge]: '0' };
const permitted = (names) => ({ ...open, ['p.' + headers]: names });
const x = { headers: { 'X-A': '1' } };

async function verdicts(server) {
  // The CORS check, on answers and on preflights, with and without credentials.
  for (const value of ['*', '{origin}', 'null', '', 'https://other.example', 'foo', '*, *', '{origin}, *', '{origin}/', '*|*', '{origin}|{origin}', 'HTTP://LOCALHOST:18801']) {
    for (const mode of ['same-origin', 'include']) {
      await call('origin', server, { ['a.' + origin]: value, ['a.' + credentials]: 'true' }, { credentials: mode });
      await call('preflight-origin', server, { ...open, ['p.' + origin]: value, ['p.' + headers]: 'x-a' }, { ...x, credentials: mode });
    }
  }
  for (const status of [404, 500]) await call('origin-status', server, { ...open, 'a.status': status });
  await call('no-origin', server, {});
  await call('preflight-no-origin', server, { 'p.status': 200 }, x);
  for (const value of ['true', 'True', 'TRUE', 'false', '1', '"true"', 'true|true']) {
    await call('credentials', server, { ['a.' + origin]: '{origin}', ['a.' + credentials]: value }, { credentials: 'include' });
    await call('preflight-credentials', server, { ...permitted('x-a'), ['p.' + credentials]: value }, { ...x, credentials: 'include' });
  }
  for (const mode of ['omit', 'same-origin']) await call('no-credentials', server, { ['a.' + origin]: '{origin}' }, { credentials: mode });
  // The preflight's status.
  for (const status of [200, 201, 204, 205, 206, 226, 299, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 500, 501, 503]) {
    await call('preflight-status', server, { ...permitted('x-a'), 'p.status': status }, x);
  }
  for (const status of [301, 302, 307]) await call('preflight-redirect', server, { ...permitted('x-a'), 'p.status': status, 'p.Location': '/x/elsewhere' }, x);
  // Methods.
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'put', 'DELETE', 'delete', 'PATCH', 'patch', 'OPTIONS', 'CHICKEN', 'Chicken']) {
    for (const list of ['', '*', 'PUT', 'put', 'PATCH', 'CHICKEN,DELETE , OPTIONS', 'get', 'a b', 'PUT|PATCH', ',,PUT,']) {
      await call('method', server, { ...open, ['p.' + methods]: list }, { method });
    }
    await call('method-include', server, { ...open, ['p.' + methods]: '*' }, { method, credentials: 'include' });
  }
  // Header names.
  for (const list of ['', '*', 'x-a', 'X-A', 'x-b', 'x-a,x-b', ' x-a , , x-b', 'x a', 'x-a, "', 'x-b|x-a', 'x-a,*', 'authorization', '*,Authorization']) {
    for (const mode of ['same-origin', 'include']) {
      await call('header', server, permitted(list), { ...x, credentials: mode });
      await call('header-authorization', server, permitted(list), { headers: { Authorization: 'Bearer x', 'X-A': '1' }, credentials: mode });
    }
  }
  await call('header-none-listed', server, open, x);
}

async function requests(server) {
  const all = permitted('accept,accept-language,authorization,content-language,content-type,last-event-id,range,x-a,x-http-method,x-http-method-override,x-method-override,user-agent,if-none-match,cache-control,pragma');
  const long = (n) => 'a'.repeat(n);
  for (const [name, value] of [
    ['Accept', 'text/plain'], ['Accept', 'a"b'], ['Accept', long(128)], ['Accept', long(129)], ['Accept', '(a)'], ['Accept', '\t'],
    ['Accept-Language', 'fr'], ['Accept-Language', 'fr_FR'], ['Accept-Language', 'de;q=0.5, *'], ['Content-Language', 'fr'], ['Content-Language', '@'],
    ['Content-Type', 'text/plain'], ['Content-Type', 'Text/Plain;charset=utf-8'], ['Content-Type', 'text/plain;garbage'], ['Content-Type', 'text/plain;'],
    ['Content-Type', 'text /plain'], ['Content-Type', 'text/plain, text/plain'], ['Content-Type', 'application/x-www-form-urlencoded'],
    ['Content-Type', 'multipart/form-data; boundary=x'], ['Content-Type', 'multipart/form-data; boundary="x"'], ['Content-Type', 'application/json'],
    ['Content-Type', 'text/plain; x=' + long(120)], ['Content-Type', 'text'], ['Content-Type', ''],
    ['Range', 'bytes=0-'], ['Range', 'bytes=5-10'], ['Range', 'bytes=10-5'], ['Range', 'bytes=-5'], ['Range', 'bytes=0-1,3-4'], ['Range', 'bytes= 0-'], ['Range', 'items=0-'],
    ['Last-Event-ID', '1'], ['X-A', ''], ['If-None-Match', '"x"'], ['Cache-Control', 'no-cache'], ['Pragma', 'no-cache'],
    ['X-HTTP-Method', 'TRACE'], ['X-HTTP-Method-Override', 'GET'], ['X-Method-Override', 'connect, GET'], ['X-HTTP-Method-Override', '"TRACE"'],
  ]) {
    await call('request-header', server, all, { method: 'POST', body: new Uint8Array([120]), headers: { [name]: value } });
  }
  for (const name of ['Accept-Charset', 'Accept-Encoding', 'Access-Control-Request-Headers', 'Access-Control-Request-Method', 'Connection', 'Content-Length',
    'Cookie', 'Cookie2', 'Date', 'DNT', 'Expect', 'Host', 'Keep-Alive', 'Origin', 'Referer', 'Set-Cookie', 'TE', 'Trailer', 'Transfer-Encoding', 'Upgrade', 'Via',
    'Proxy-Foo', 'Sec-Foo']) {
    await call('forbidden-header', server, open, { headers: { [name]: '1' } });
  }
  const many = { Accept: long(128), 'Accept-Language': long(128), 'Content-Language': long(128), 'Content-Type': 'text/plain;' + long(117) };
  await call('sum-512', server, all, { method: 'POST', body: new Uint8Array([120]), headers: many });
  await call('sorted', server, permitted('x-b,x-a,x-c'), { headers: { 'X-C': '1', 'X-A': '1', 'x-B': '1' } });
  await call('repeated', server, permitted('x-a'), { headers: [['X-A', '1'], ['x-a', '2']] });
  await call('string-body', server, open, { method: 'POST', body: 'x' });
  await call('form-body', server, open, { method: 'POST', body: new URLSearchParams({ a: 'b' }) });
  await call('empty-post', server, open, { method: 'POST' });
  for (const api of ['fetch', 'xhr']) {
    for (const mode of ['same-origin', 'include']) {
      await call('simple-' + api, server, open, { api, credentials: mode });
      await call('unsafe-' + api, server, permitted('x-a'), { api, credentials: mode, ...x });
    }
  }
  await call('no-cors-get', server, {}, { mode: 'no-cors' });
  await call('no-cors-post', server, {}, { mode: 'no-cors', method: 'POST', body: 'x' });
  await call('no-cors-header', server, {}, { mode: 'no-cors', headers: { 'X-A': '1', Accept: 'text/plain' } });
  await call('same-origin-mode', server, open, { mode: 'same-origin' });
  await call('upload-listener', server, open, { api: 'xhr', method: 'POST', body: 'x', listener: true });
}

async function answers(server) {
  const sent = { 'a.X-A': '1', 'a.X-B': '2', 'a.Set-Cookie': 'answers=1', 'a.Cache-Control': 'no-store', 'a.Content-Language': 'fr', 'a.Expires': '0',
    'a.Last-Modified': 'Thu, 01 Jan 1970 00:00:00 GMT', 'a.Pragma': 'no-cache', 'a.Age': '1', 'a.Content-Type': 'text/plain', 'a.ETag': '"x"', 'a.Server': 'x' };
  for (const list of ['', '*', 'x-a', 'X-A, x-b', ',x-a', 'x-a,,', 'x a,x-b', 'x-a, x b', 'x-a|x-b', 'x-a|x b', '|x-a', "'x-a'", "'x-a',x-a", '"x-a",x-a', 'set-cookie,x-a', '*,x-a', 'x-a;']) {
    for (const mode of ['same-origin', 'include']) await call('expose', server, { ...open, ...sent, ['a.' + expose]: list }, { credentials: mode });
    await call('expose-xhr', server, { ...open, ...sent, ['a.' + expose]: list }, { api: 'xhr' });
  }
  await call('not-exposed', server, { ...open, ...sent });
  await call('exposed-by-preflight', server, { ...permitted('x-a'), ...sent, ['p.' + expose]: 'x-a' }, x);
  for (const status of [204, 205, 304, 401, 403, 404, 500]) await call('answer-status', server, { ...open, ...sent, 'a.status': status });
}

async function redirects() {
  const to = (server, answers, more = '') => server.replace('://', '://' + more) + '/x/target' + number++ + '?' + new URLSearchParams(answers);
  const tenant = permitted('x-a,authorization,content-type');
  for (const [first, second] of [[own, own], [own, sameSite], [own, crossSite], [sameSite, sameSite], [sameSite, own], [sameSite, crossSite], [crossSite, crossSite], [crossSite, own], [crossSite, sameSite]]) {
    for (const status of [301, 302, 303, 307, 308]) {
      await call('redirect-get', first, { ...open, 'a.status': status, 'a.Location': to(second, open) });
    }
    for (const status of [302, 303, 307]) {
      await call('redirect-post', first, { ...tenant, 'a.status': status, 'a.Location': to(second, tenant) },
        { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } });
    }
    await call('redirect-header', first, { ...tenant, 'a.status': 307, 'a.Location': to(second, tenant) }, x);
    await call('redirect-header-refused', first, { ...tenant, 'a.status': 307, 'a.Location': to(second, open) }, x);
    await call('redirect-include', first, { ...open, 'a.status': 302, 'a.Location': to(second, open) }, { credentials: 'include' });
    for (const value of ['*', 'null', own, '']) {
      await call('redirect-origin', first, { ...open, 'a.status': 302, 'a.Location': to(second, { ['a.' + origin]: value }) });
    }
    await call('redirect-unreadable', first, { 'a.status': 302, 'a.Location': to(second, open) });
    await call('redirect-user', first, { ...open, 'a.status': 302, 'a.Location': to(second, open, 'user:password@') });
    await call('redirect-empty-user', first, { ...open, 'a.status': 302, 'a.Location': to(second, open, ':@') });
    await call('redirect-error', first, { ...open, 'a.status': 302, 'a.Location': to(second, open) }, { redirect: 'error' });
    await call('redirect-manual', first, { ...open, 'a.status': 302, 'a.Location': to(second, open) }, { redirect: 'manual' });
    await call('redirect-no-cors', first, { 'a.status': 302, 'a.Location': to(second, {}) }, { mode: 'no-cors' });
    await call('redirect-authorization', first, { ...tenant, 'a.status': 307, 'a.Location': to(second, tenant) },
      { headers: { Authorization: 'Bearer x', 'X-A': '1' } });
  }
  await call('redirect-nowhere', sameSite, { ...open, 'a.status': 302 });
  await call('redirect-malformed', sameSite, { ...open, 'a.status': 302, 'a.Location': 'http://[' });
  await call('redirect-scheme', sameSite, { ...open, 'a.status': 302, 'a.Location': 'data:text/plain,x' });
  await call('redirect-thrice', sameSite, { ...open, 'a.status': 302, 'a.Location': to(crossSite, { ...open, 'a.status': 302, 'a.Location': to(sameSite, open) }) });
  await call('redirect-home', sameSite, { ...open, 'a.status': 302, 'a.Location': to(own, { ...open, 'a.status': 302, 'a.Location': to(sameSite, open) }) });
}

async function caches(server) {
  const keep = (names, more) => ({ ...permitted(names), ['p.' + maxAge]: '600', ...more });
  const twice = async (kind, answers, first, second) => {
    const path = 'same' + number++;
    await call(kind, server, answers, { path, ...first });
    await call(kind, server, answers, { path, ...second });
  };
  // Engines may fail to reuse the first entries of a fresh process.
  for (let i = 0; i < 4; i++) await twice('cache-warm', keep('x-a'), x, x);
  const b = { headers: { 'X-B': '1' } }, ab = { headers: { 'X-A': '1', 'X-B': '1' } };
  await twice('cache-same', keep('x-a'), x, x);
  await twice('cache-age-0', permitted('x-a'), x, x);
  await twice('cache-age-malformed', keep('x-a', { ['p.' + maxAge]: 'soon' }), x, x);
  await twice('cache-age-negative', keep('x-a', { ['p.' + maxAge]: '-1' }), x, x);
  await twice('cache-age-twice', keep('x-a', { ['p.' + maxAge]: '600|600' }), x, x);
  await twice('cache-age-absent', { ['a.' + origin]: '{origin}', ['p.' + origin]: '{origin}', ['p.' + headers]: 'x-a' }, x, x);
  await twice('cache-listed-header', keep('x-a,x-b'), x, b);
  await twice('cache-listed-headers', keep('x-a,x-b'), x, ab);
  await twice('cache-wildcard', keep('*'), x, b);
  await twice('cache-wildcard-authorization', keep('*,authorization'), x, { headers: { Authorization: 'x' } });
  await twice('cache-method', keep('x-a', { ['p.' + methods]: 'PUT' }), x, { method: 'PUT' });
  await twice('cache-method-again', keep('x-a', { ['p.' + methods]: 'PUT' }), { method: 'PUT' }, { method: 'PUT' });
  await twice('cache-method-not-listed', keep('x-a', { ['p.' + methods]: 'PUT' }), { method: 'PUT' }, { method: 'PATCH' });
  await twice('cache-to-include', keep('x-a'), x, { ...x, credentials: 'include' });
  await twice('cache-from-include', keep('x-a'), { ...x, credentials: 'include' }, x);
  await twice('cache-failed-answer', keep('x-a', { ['a.' + origin]: 'null' }), x, x);
  const path = 'same' + number++;
  for (const init of [x, b, x]) await call('cache-three', server, keep('x-a,x-b'), { path, ...init });
  await twice('cache-refused', { ...keep('x-b'), }, x, x);
}

async function cookies() {
  const set = ['lax=1; Path=/x; SameSite=Lax', 'strict=1; Path=/x; SameSite=Strict', 'none=1; Path=/x; SameSite=None; Secure', 'plain=1; Path=/x', 'other=1; Path=/y', 'gone=1; Path=/x; Max-Age=0', 'insecure=1; Path=/x; SameSite=None'].join('|');
  for (const server of [own, sameSite, crossSite]) {
    await call('cookie-omit', server, { ...open, 'a.Set-Cookie': 'omitted=1; Path=/x' }, { credentials: 'omit' });
    await call('cookie-default', server, { ...open, 'a.Set-Cookie': 'default=1; Path=/x' });
    await call('cookie-set', server, { ...open, 'a.Set-Cookie': set }, { credentials: 'include' });
    for (const mode of ['omit', 'same-origin', 'include']) {
      await call('cookie', server, permitted('x-a'), { ...x, credentials: mode });
      await call('cookie-no-cors', server, {}, { mode: 'no-cors', credentials: mode });
    }
  }
}

(async () => {
  const servers = frame ? [sameSite] : [sameSite, crossSite, own];
  for (const server of servers) {
    await requests(server);
    if (server === sameSite) await verdicts(server);
    await answers(server);
  }
  if (frame) {
    await call('frame-own', own, {});
    await call('frame-own-open', own, open);
    await fetch(own + '/done', { method: 'POST', mode: 'no-cors' });
    return;
  }
  await redirects();
  await caches(sameSite);
  await cookies();
  // A sandboxed frame has an opaque origin.
  const sandbox = document.createElement('iframe');
  sandbox.sandbox = 'allow-scripts';
  sandbox.src = '/page?frame=1';
  document.body.append(sandbox);
})();
