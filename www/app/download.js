// Hands over results: as files, in a zip, in a folder, to the clipboard, to other apps.

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

/** The name with a number before its ending: `a (2).png`. */
const numbered = (name, count) => (count > 1 ? name.replace(/(\.[^.]*)?$/, ` (${count})$1`) : name);

/** Numbers names that occur twice: `a.png`, `a (2).png`; file systems may ignore case. */
export function distinct(names) {
  const taken = new Set();
  return names.map((name) => {
    let free = name;
    for (let count = 2; taken.has(free.toLowerCase()); count += 1) free = numbered(name, count);
    taken.add(free.toLowerCase());
    return free;
  });
}

/** Saves one result. */
export function downloadOne(item) {
  save(item.result.blob, resultName(item));
  item.update({ saved: true });
}

/** Saves all results in one zip file, in the folders that the images came from. */
export async function downloadAll(items) {
  const names = distinct(items.map((item) => item.folder + resultName(item)));
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

/**
 * Writes a result into a folder, below which the image's own folders are made. Files that exist are kept.
 *
 * @param {import("./item.js").Item} item
 * @param {FileSystemDirectoryHandle} root
 */
export async function writeOne(item, root) {
  const { result } = item;
  let folder = root;
  for (const part of item.folder.split("/").filter(Boolean)) {
    folder = await folder.getDirectoryHandle(part, { create: true });
  }
  let name = resultName(item);
  for (let count = 2; await exists(folder, name); count += 1) name = numbered(resultName(item), count);
  const file = await folder.getFileHandle(name, { create: true });
  const stream = await file.createWritable();
  await stream.write(result.blob);
  // The file has its content from here on, all at once.
  await stream.close();
  if (item.result === result) item.update({ saved: true });
}

async function exists(folder, name) {
  try {
    await folder.getFileHandle(name);
    return true;
  } catch (error) {
    if (error.name === "NotFoundError") return false;
    // A folder has this name.
    if (error.name === "TypeMismatchError") return true;
    throw error;
  }
}

/** Whether the browser has a clipboard for images. */
export const canCopy = () => Boolean(globalThis.ClipboardItem && navigator.clipboard?.write);

/** Copies a result to the clipboard, as PNG: browsers accept no other format. */
export async function copyOne({ result: { blob } }) {
  // Safari wants the promise, not its value.
  await navigator.clipboard.write([new ClipboardItem({ "image/png": asPng(blob) })]);
}

async function asPng(blob) {
  if (blob.type === "image/png") return blob;
  const bitmap = await createImageBitmap(blob);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
  return await canvas.convertToBlob();
}

const shared = (item) => ({ files: [new File([item.result.blob], resultName(item), { type: item.result.blob.type })] });

/** Whether a result can be given to other apps. */
export const canShare = (item) => Boolean(navigator.canShare?.(shared(item)));

/** Gives a result to another app, which the user chooses. */
export async function shareOne(item) {
  try {
    await navigator.share(shared(item));
  } catch (error) {
    // The user has chosen none.
    if (error.name !== "AbortError") throw error;
  }
}
