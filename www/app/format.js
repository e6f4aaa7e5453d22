// Formats numbers and errors; a no-break space joins number and unit.

import { language, translated } from "./words.js";

const number = new Intl.NumberFormat(language);
const oneDigit = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

/** `1,024 × 768` */
export const sides = ({ width, height }) => `${number.format(width)} × ${number.format(height)}`;

/** `0.8 MP` */
export function megapixels({ width, height }) {
  const millions = (width * height) / 1e6;
  const least = translated(`under ${oneDigit.format(0.1)}\u00a0MP`);
  return millions < 0.05 ? least : `${oneDigit.format(millions)}\u00a0MP`;
}

/** `3.2 MB` */
export function weight(bytes) {
  if (bytes < 1000) return translated(`${bytes}\u00a0bytes`);
  return bytes < 999_500 ? `${Math.round(bytes / 1000)}\u00a0KB` : `${oneDigit.format(bytes / 1e6)}\u00a0MB`;
}

/** `7 s`, `2 min` */
export function duration(ms) {
  if (ms < 950) return translated("under 1\u00a0s");
  if (ms < 90_000) return `${Math.round(ms / 1000)}\u00a0s`;
  return `${Math.round(ms / 60_000)}\u00a0min`;
}

/** `about 7 s`, `under 1 s` */
export const about = (ms) => (ms < 950 ? duration(ms) : translated(`about ${duration(ms)}`));

/** An error's message as a sentence. */
export function sentence(error) {
  const text = translated(error.message || String(error));
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/** `1 image`, `2 images` */
export const images = (count) => translated(count === 1 ? "1 image" : `${count} images`);

/** `JPEG, quality about 75`, `PNG, with blocks of an earlier compression` */
export function compressionFact({ format, quality }, blocky) {
  if (quality !== null) return translated(`${format}, quality about ${quality}`);
  return blocky ? translated(`${format}, with blocks of an earlier compression`) : format;
}
