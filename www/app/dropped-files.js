// Lists dropped files, and those in dropped folders.

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
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  // Each call returns some of the entries, the last one none.
  for (let some = await read(reader); some.length > 0; some = await read(reader)) {
    for (const inner of some) found.push(...(await filesOf(inner)));
  }
  return found;
}

const read = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
