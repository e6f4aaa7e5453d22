// Numbers and errors, as people read them.

const number = new Intl.NumberFormat("en");
const oneDigit = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** `1,024 × 768` */
export const sides = ({ width, height }) => `${number.format(width)} × ${number.format(height)}`;

/** `0.8 MP` */
export function megapixels({ width, height }) {
  const millions = (width * height) / 1e6;
  return millions < 0.05 ? "under 0.1 MP" : `${oneDigit.format(millions)} MP`;
}

/** `3.2 MB` */
export function weight(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 999_500 ? `${Math.round(bytes / 1000)} KB` : `${oneDigit.format(bytes / 1e6)} MB`;
}

/** `7 s`, `2 min` */
export function duration(ms) {
  if (ms < 950) return "under 1 s";
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** An error's message as a sentence. */
export function sentence(error) {
  const text = error.message || String(error);
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

/** `1 picture`, `2 pictures` */
export const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
