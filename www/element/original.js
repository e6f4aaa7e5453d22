// The small picture: its pixels' number, and its bytes.

import { Skip } from "./state.js";

/** The picture's own sides in pixels; where `srcset` has a say, `naturalWidth` is in CSS pixels. */
export async function pixels(img) {
  const chosen = img.hasAttribute("srcset") || img.parentElement instanceof HTMLPictureElement;
  if (!chosen) return { width: img.naturalWidth, height: img.naturalHeight };
  // The browser has it already.
  const image = new Image();
  image.crossOrigin = img.crossOrigin;
  image.src = img.currentSrc;
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}

/**
 * Asks for the picture again, which the browser's HTTP cache has.
 *
 * @returns {Promise<{ url: string, version: string | null, read: () => Promise<Blob | HTMLImageElement> }>} `version`
 *   tells one state of the file from others; there is none of what has no address
 */
export async function request(img, signal) {
  const url = new URL(img.currentSrc);
  if (url.href.startsWith("data:image/svg")) throw new Skip("vector");
  // The policy for connections rarely allows these.
  if (["data:", "blob:"].includes(url.protocol)) return { url: url.href, version: null, read: async () => img };
  // Asking would only tell what is known: the picture was not fetched in a way that allows reading it.
  if (url.origin !== location.origin && !img.crossOrigin) {
    throw new Skip("cross-origin", "the picture comes from another site: give it the attribute crossorigin");
  }
  const credentials = img.crossOrigin === "use-credentials" ? "include" : "same-origin";
  const response = await fetch(url, { signal, credentials, cache: "force-cache" });
  if (!response.ok) throw new Skip("failed", `${url.href} cannot be fetched (status ${response.status})`);
  const { headers } = response;
  if (headers.get("content-type")?.startsWith("image/svg")) throw new Skip("vector");
  const weak = [headers.get("last-modified"), headers.get("content-length")].filter(Boolean).join();
  return { url: url.href, version: headers.get("etag") || weak || null, read: () => response.blob() };
}
