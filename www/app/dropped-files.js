// Lists dropped files, and those in dropped folders.

/** Paths of files in dropped folders; browsers set `webkitRelativePath` only for folders that are chosen. */
const paths = new WeakMap();

/**
 * The folders that a file was in, below the one that was chosen or dropped, and that one; empty for single files.
 *
 * @param {File} file
 * @returns {string} such as `holiday/beach/`
 */
export function folderOf(file) {
  const path = paths.get(file) ?? file.webkitRelativePath ?? "";
  return path.slice(0, path.lastIndexOf("/") + 1);
}

/**
 * @param {DataTransfer} transfer becomes empty after its event: call this at once
 * @returns {Promise<File[]>}
 */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [...transfer.files];
  if (!entries.some(({ isDirectory }) => isDirectory)) return files;
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    paths.set(file, entry.fullPath.replace(/^\//, ""));
    return [file];
  }
  const reader = entry.createReader();
  const found = [];
  // Each call returns some of the entries, the last one none.
  for (let some = await read(reader); some.length > 0; some = await read(reader)) {
    for (const inner of some) found.push(...(await filesOf(inner)));
  }
  return found;
}

const read = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
