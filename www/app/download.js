// Results on their way to the disk.

import { zip } from "./zip.js";

/** How long a browser may take to begin with a download. */
const BEGIN_MS = 60_000;

const ENDINGS = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" };

/** `photo-x2.png` for a result of `photo.jpg`. */
export function resultName(item) {
  const { blob, scale } = item.result;
  const stem = item.name.replace(/\.[^.]*$/, "") || "picture";
  return `${stem}-x${Number(scale.toFixed(2))}.${ENDINGS[blob.type]}`;
}

/** The same names, numbered where one comes twice: `a.png`, `a (2).png`. Disks may not tell A from a. */
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

/** Saves all results in one file. */
export async function downloadAll(items) {
  const names = distinct(items.map(resultName));
  const results = items.map(({ result }) => result);
  save(await zip(names.map((name, i) => ({ name, blob: results[i].blob }))), "uprez.zip");
  // Whatever was computed anew in the meantime is not in it.
  items.forEach((item, i) => item.result === results[i] && item.update({ saved: true }));
}

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), BEGIN_MS);
}
