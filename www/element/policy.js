// Whether a picture gains by being made sharp, and how large it is to become.

/** Less than this is not worth anybody's electricity. */
const LEAST_MAGNIFICATION = 1.1;

/** In GiB; a network needs some of it, and browsers say no less than 0.25. */
const LITTLE_MEMORY = 1;

/** Why nothing should be done on this device, if so. */
export function unwilling() {
  if (navigator.connection?.saveData) return "save-data";
  if (matchMedia("(prefers-reduced-data: reduce)").matches) return "reduced-data";
  if (navigator.deviceMemory <= LITTLE_MEMORY) return "little-memory";
  return null;
}

/**
 * How many of the screen's pixels one of the picture's is shown with, in each direction; where it is stretched, in the
 * larger one.
 *
 * @param {HTMLImageElement} img
 * @param {{ width: number, height: number }} box what it is shown in, in CSS pixels
 * @param {{ width: number, height: number }} pixels the picture's own
 */
export function magnification(img, box, pixels) {
  const [across, down] = [box.width / pixels.width, box.height / pixels.height];
  const inside = Math.min(across, down);
  const own = img.naturalWidth / pixels.width;
  const fits = { contain: inside, none: own, "scale-down": Math.min(own, inside) };
  return devicePixelRatio * (fits[getComputedStyle(img).objectFit] ?? Math.max(across, down));
}

/** The size to upscale to, in pixels: what is displayed of the whole picture; null where it has as many already. */
export function target(img, box, pixels) {
  const factor = magnification(img, box, pixels);
  if (factor <= LEAST_MAGNIFICATION) return null;
  return { width: Math.round(pixels.width * factor), height: Math.round(pixels.height * factor), fit: "fill" };
}
