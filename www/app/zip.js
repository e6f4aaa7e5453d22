// Writes zip files without compression: images are compressed already.
//
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.

import { checksum } from "./worker.js";

/** Sizes and offsets have four bytes; more needs zip64. */
const MAX_BYTES = 0xffffffff;
/** The number of files has two bytes. */
const MAX_FILES = 0xffff;

/** Version needed to extract: 2.0. */
const VERSION = 20;
/** Flag: names are UTF-8. */
const UTF8 = 1 << 11;

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;

/**
 * @param {{ name: string, blob: Blob }[]} files with different names
 * @param {Date} [date] of all files
 * @returns {Promise<Blob>}
 */
export async function zip(files, date = new Date()) {
  refuseTooMuch(files);
  const parts = [];
  const directory = [];
  let at = 0;
  for (const { name, blob } of files) {
    const bytes = new TextEncoder().encode(name);
    const about = [VERSION, UTF8, 0, ...stamp(date)].map(two);
    about.push(four(await checksum(blob)), four(blob.size), four(blob.size), two(bytes.length), two(0));
    parts.push(four(LOCAL), ...about, bytes, blob);
    // Made by DOS, no comment, first disk, no attributes; the offset of the file.
    directory.push(four(CENTRAL), two(VERSION), ...about, two(0), two(0), two(0), four(0), four(at), bytes);
    at += LOCAL_BYTES + bytes.length + blob.size;
  }
  const list = new Blob(directory);
  const end = [four(END), two(0), two(0), two(files.length), two(files.length), four(list.size), four(at), two(0)];
  return new Blob([...parts, list, ...end], { type: "application/zip" });
}

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;

function refuseTooMuch(files) {
  // Each name is written twice, with at most three bytes per UTF-16 unit.
  const size = ({ name, blob }) => blob.size + 2 * 3 * name.length + LOCAL_BYTES + CENTRAL_BYTES;
  const bytes = files.reduce((sum, file) => sum + size(file), 0);
  if (bytes > MAX_BYTES || files.length > MAX_FILES) {
    throw new Error("these results are more than a zip file holds (4 GB, 65,535 files); download them one by one");
  }
}

/** Numbers of two and four bytes, little-endian. */
const two = (value) => Uint8Array.of(value, value >>> 8);
const four = (value) => Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);

/** Time and date in DOS format: since 1980, in steps of two seconds. */
function stamp(date) {
  const time = (date.getHours() << 11) | (date.getMinutes() << 5) | (date.getSeconds() >> 1);
  const day = ((date.getFullYear() - 1980) << 9) | ((date.getMonth() + 1) << 5) | date.getDate();
  return [time, day];
}
