// A RestCall is a request to a REST gateway with plain fetch.
export interface RestCall {
  id: number;
  url: string;
  method: string;
  header: Record<string, string>;
  body?: string;
  credentials: RequestCredentials;
}

// A RestReport is all that a script sees of the response. Names are lower-case, and
// each character of body is a byte.
export interface RestReport {
  id: number;
  status?: number;
  header?: Record<string, string>;
  body?: string;
  error?: string;
}

export async function callRest({ id, url, method, header, body, credentials }: RestCall): Promise<RestReport> {
  try {
    const response = await fetch(url, { method, headers: header, body, credentials });
    const bytes = new Uint8Array(await response.arrayBuffer());
    return {
      id,
      status: response.status,
      header: Object.fromEntries(response.headers),
      body: String.fromCharCode(...bytes),
    };
  } catch (thrown) {
    return { id, error: String(thrown) };
  }
}
