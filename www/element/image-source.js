// The size and the file of the image that an <img> shows.

import { Skip } from "./state.js";

/** The size in pixels; with `srcset`, `naturalWidth` is in CSS pixels instead. */
export async function pixelSize(img) {
  const chosen = img.hasAttribute("srcset") || img.parentElement instanceof HTMLPictureElement;
  if (!chosen) return { width: img.naturalWidth, height: img.naturalHeight };
  // Already in the browser's cache.
  const image = new Image();
  image.crossOrigin = img.crossOrigin;
  image.src = img.currentSrc;
  await image.decode();
  return { width: image.naturalWidth, height: image.naturalHeight };
}

/**
 * Requests the file again; it is usually in the HTTP cache.
 *
 * @returns {Promise<{ url: string, version: string | null, read: () => Promise<Blob | HTMLImageElement> }>} `version`
 *   changes with the file; null for URLs that hold the image themselves
 */
export async function request(img, signal) {
  const url = new URL(img.currentSrc);
  if (url.href.startsWith("data:image/svg")) throw new Skip("vector");
  // The CSP directive connect-src rarely allows these.
  if (["data:", "blob:"].includes(url.protocol)) return { url: url.href, version: null, read: async () => img };
  // The image was loaded without CORS, so its pixels cannot be read.
  if (url.origin !== location.origin && !img.crossOrigin) {
    throw new Skip("cross-origin", "the image comes from another site: add the attribute crossorigin");
  }
  const credentials = img.crossOrigin === "use-credentials" ? "include" : "same-origin";
  const response = await fetch(url, { signal, credentials, cache: "force-cache" });
  if (!response.ok) throw new Skip("failed", `${url.href} cannot be fetched (status ${response.status})`);
  const { headers } = response;
  if (headers.get("content-type")?.startsWith("image/svg")) throw new Skip("vector");
  const weak = [headers.get("last-modified"), headers.get("content-length")].filter(Boolean).join();
  return { url: url.href, version: headers.get("etag") || weak || null, read: () => response.blob() };
}
