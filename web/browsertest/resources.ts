// A Resource is something on another origin that the page loads, or writes to, to
// use it in a way that needs the server's permission.
export interface Resource {
  as: keyof typeof uses;
  url: string;
}

// use says what came of it, in a few words.
export async function use({ as, url }: Resource): Promise<string> {
  try {
    return await uses[as](url);
  } catch (thrown) {
    return thrown instanceof DOMException ? thrown.name : String(thrown);
  }
}

const uses = {
  "font of @font-face": font,
  "image on a canvas": async (url: string) => colour(drawn(await image(url, "anonymous"))),
  "image on a canvas, not asked for with crossorigin": async (url: string) => colour(drawn(await image(url, null))),
  "WebGL texture": async (url: string) => colour(textured(await image(url, "anonymous"))),
  "WebGL texture, not asked for with crossorigin": async (url: string) => colour(textured(await image(url, null))),
  "module script": async (url: string) => String((await import(url)).default),
  "fetch, for a header": async (url: string) => String((await fetch(url)).headers.get("ETag")),
  "fetch, PUT of JSON": putJson,
  "XMLHttpRequest with an upload listener": upload,
  "streamed upload": streamedUpload,
} satisfies Record<string, (url: string) => Promise<string>>;

async function font(url: string): Promise<string> {
  const family = `font-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  const style = document.createElement("style");
  style.textContent = `@font-face { font-family: "${family}"; src: url("${url}"); }`;
  document.head.append(style);
  try {
    await document.fonts.load(`16px "${family}"`);
  } catch {
    // Engines differ in whether they reject here; the face tells in any case.
  }
  const face = [...document.fonts].find((f) => f.family.replaceAll('"', "") === family);
  return String(face?.status);
}

function image(url: string, crossOrigin: "anonymous" | null): Promise<HTMLImageElement> {
  return new Promise((resolve, reject) => {
    const img = new Image();
    img.crossOrigin = crossOrigin;
    img.onload = () => resolve(img);
    img.onerror = () => reject(new Error("not loaded"));
    img.src = url;
  });
}

// drawn returns the first pixel of an image on a canvas.
function drawn(img: HTMLImageElement): Uint8ClampedArray {
  const context = document.createElement("canvas").getContext("2d")!;
  context.drawImage(img, 0, 0);
  return context.getImageData(0, 0, 1, 1).data;
}

// textured returns the first pixel of an image as a texture.
function textured(img: HTMLImageElement): Uint8Array {
  const gl = document.createElement("canvas").getContext("webgl");
  if (gl === null) {
    throw new Error("no WebGL");
  }
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, img);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, gl.getParameter(gl.TEXTURE_BINDING_2D), 0);
  const pixel = new Uint8Array(4);
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  return pixel;
}

function colour(pixel: ArrayLike<number>): string {
  return Array.from(pixel).join(" ");
}

async function putJson(url: string): Promise<string> {
  const response = await fetch(url, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
  return response.text();
}

// upload sends a request that needs a preflight only because of the listener.
function upload(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let progress = "nothing";
    request.upload.onload = (event) => {
      progress = `${event.loaded} of ${event.total}`;
    };
    request.onload = () => resolve(`${request.responseText}, listener told ${progress}`);
    request.onerror = () => reject(new Error(`status ${request.status}, listener told ${progress}`));
    request.open("POST", url);
    request.send("hello");
  });
}

async function streamedUpload(url: string): Promise<string> {
  const stream = () => new Blob(["hello, ", "stream"]).stream();
  // An engine that does not stream sends the stream's name as text, and never looks
  // at duplex.
  let looked = false;
  const init = {
    method: "POST",
    body: stream(),
    get duplex() {
      looked = true;
      return "half";
    },
  };
  const hasType = new Request("", init as RequestInit).headers.has("Content-Type");
  if (!looked || hasType) {
    return "unsupported";
  }
  const response = await fetch(url, { method: "POST", body: stream(), duplex: "half" } as RequestInit);
  return response.text();
}
