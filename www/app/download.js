// Downloads results.

import { zip } from "./zip.js";

/** A blob URL is revoked after this; browsers need it until the download has started. */
const REVOKE_MS = 60_000;

const ENDINGS = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" };

/** `photo-x2.png` for a result of `photo.jpg`. */
export function resultName(item) {
  const { blob, scale } = item.result;
  const stem = item.name.replace(/\.[^.]*$/, "") || "image";
  return `${stem}-x${Number(scale.toFixed(2))}.${ENDINGS[blob.type]}`;
}

/** Numbers names that occur twice: `a.png`, `a (2).png`; file systems may ignore case. */
export function distinct(names) {
  const taken = new Set();
  return names.map((name) => {
    let free = name;
    for (let count = 2; taken.has(free.toLowerCase()); count += 1) free = name.replace(/(\.[^.]*)?$/, ` (${count})$1`);
    taken.add(free.toLowerCase());
    return free;
  });
}

/** Saves one result. */
export function downloadOne(item) {
  save(item.result.blob, resultName(item));
  item.update({ saved: true });
}

/** Saves all results in one zip file. */
export async function downloadAll(items) {
  const names = distinct(items.map(resultName));
  const results = items.map(({ result }) => result);
  save(await zip(names.map((name, i) => ({ name, blob: results[i].blob }))), "uprez.zip");
  // A result that was replaced meanwhile is not in the zip.
  items.forEach((item, i) => item.result === results[i] && item.update({ saved: true }));
}

/** Saves a file. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
}
