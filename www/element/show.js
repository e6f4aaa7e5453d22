// The sharp picture in the place of the small one. Only the style says so: `src`, `srcset`, `alt` and what is saved by
// a right click stay the site's own, whatever it does to them.

/** What is shown by whom. */
const urls = new WeakMap();

/** As much of the style as is set here. */
const PROPERTIES = ["content", "aspect-ratio"];

/**
 * Shows a picture once it is decoded, in the same box.
 *
 * @param {HTMLImageElement} img
 * @param {Blob} blob
 * @param {{ width: number }} size of the blob, in pixels
 * @param {AbortSignal} signal
 */
export async function show(img, blob, { width }, signal) {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    signal.throwIfAborted();
  } catch (error) {
    URL.revokeObjectURL(url);
    throw error;
  }
  const before = urls.get(img);
  urls.set(img, url);
  // What has no size but its own keeps it: that many times more pixels are in each of its pixels.
  img.style.setProperty("content", `image-set(url("${url}") ${width / img.naturalWidth}x)`);
  // Sides are whole pixels, so the proportions may be others by a trace.
  if (before || getComputedStyle(img).aspectRatio.startsWith("auto")) {
    img.style.setProperty("aspect-ratio", `${img.naturalWidth} / ${img.naturalHeight}`);
  }
  if (before) URL.revokeObjectURL(before);
}

/** Shows what `src` says again. */
export function hide(img) {
  const url = urls.get(img);
  urls.delete(img);
  if (url) URL.revokeObjectURL(url);
  // Of a copy, there is the style alone.
  if (!img.style.content.includes("blob:")) return;
  for (const name of PROPERTIES) img.style.removeProperty(name);
}
