// Reads facts about an image from its file, without decoding it.

/** Marker EOI: appended to a JPEG that ends too early, it makes browsers decode the rest. Chromium rejects it otherwise. */
export const JPEG_END = Uint8Array.of(0xff, 0xd9);

/**
 * @typedef {object} Header
 * @property {"png" | "jpeg" | "webp" | "gif" | "bmp" | "avif" | "heic"} type
 * @property {number} width in pixels; of a JPEG, PNG or WebP before its EXIF orientation is applied
 * @property {number} height
 * @property {boolean} alpha whether there may be transparent pixels
 * @property {boolean} [profile] whether there is a colour profile; only for files with alpha
 * @property {boolean} [animated] whether there is more than one frame
 */

/**
 * Reads the header of an image in any known format.
 *
 * @param {Uint8Array} bytes the file, or its beginning
 * @returns {Promise<Header | null>} null for other formats, and where the bytes end before the size
 */
export async function readAnyHeader(bytes) {
  const header = readHeader(bytes);
  if (header?.type !== "gif" && (header || !isIsoMedia(bytes))) return header;
  const { hasFrames, readHeif } = await import("./rare-headers.js");
  return header ? { ...header, animated: hasFrames(bytes) } : readHeif(bytes);
}

/** Whether a file consists of boxes, as AVIF, HEIC and videos do. */
const isIsoMedia = (bytes) => String.fromCharCode(...bytes.subarray(4, 8)) === "ftyp";

/**
 * Reads the header of a PNG, JPEG, WebP, GIF or BMP file; of a GIF without `animated`.
 *
 * @param {Uint8Array} bytes the file, or its beginning
 * @returns {Header | null} null for other formats, and where the bytes end before the size
 */
export function readHeader(bytes) {
  const view = viewOf(bytes);
  try {
    for (const read of [png, jpeg, webp, gif, bmp]) {
      const found = read(view);
      if (found) return found;
    }
  } catch (error) {
    // The bytes end here.
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

/**
 * Whether a PNG, JPEG or WebP file ends before its image does.
 *
 * @param {Uint8Array} bytes the whole file
 * @param {string} type as `readHeader` returns it; false for all other types
 */
export function isTruncated(bytes, type) {
  const view = viewOf(bytes);
  if (type === "jpeg") return !jpegEnds(bytes);
  if (type === "png") return !pngEnds(view);
  // Some encoders leave out the last byte, which only pads the file to an even length.
  return type === "webp" && view.byteLength + 1 < 8 + view.getUint32(4, true);
}

const viewOf = ({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength);

/** Whether the text is at this place. */
const says = (view, at, text) => [...text].every((character, i) => view.getUint8(at + i) === character.charCodeAt(0));

/** https://www.w3.org/TR/png-3/ */
function png(view) {
  if (view.getUint32(0) !== 0x89504e47) return null;
  const size = { width: view.getUint32(16), height: view.getUint32(20) };
  // The colour type has alpha, or a chunk `tRNS` before the pixels makes some colours transparent.
  let alpha = (view.getUint8(25) & 4) !== 0;
  let [profile, animated] = [false, false];
  for (let at = 33; at + 8 <= view.byteLength && !says(view, at + 4, "IDAT"); ) {
    alpha ||= says(view, at + 4, "tRNS");
    // Also a gamma or primaries other than those of sRGB.
    profile ||= says(view, at + 4, "iCCP") || says(view, at + 4, "cICP");
    profile ||= says(view, at + 4, "gAMA") && view.getUint32(at + 8) !== 45455;
    profile ||= says(view, at + 4, "cHRM") && view.getUint32(at + 16) !== 64000;
    // The number of frames.
    animated ||= says(view, at + 4, "acTL") && view.getUint32(at + 8) > 1;
    at += 12 + view.getUint32(at);
  }
  return { type: "png", ...size, alpha, profile, animated };
}

/** Whether there is a chunk `IEND`. */
function pngEnds(view) {
  for (let at = 8; at + 8 <= view.byteLength; at += 12 + view.getUint32(at)) {
    if (says(view, at + 4, "IEND")) return true;
  }
  return false;
}

/** https://www.w3.org/Graphics/JPEG/itu-t81.pdf: the first frame header. */
function jpeg(view) {
  if (view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; ; at += 2 + view.getUint16(at + 2)) {
    // Bytes 0xff may pad a marker.
    while (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xff) at += 1;
    const marker = view.getUint16(at);
    if (marker < 0xff00) return null;
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) return { type: "jpeg", width: view.getUint16(at + 7), height: view.getUint16(at + 5), alpha: false };
  }
}

/** Whether there is a marker EOI; one inside a segment belongs to a thumbnail. */
function jpegEnds(bytes) {
  // Most files end with it; scanning 30 MB takes 0.1 s.
  if (bytes.at(-2) === 0xff && bytes.at(-1) === 0xd9) return true;
  for (let at = bytes.indexOf(0xff, 2); at >= 0; at = bytes.indexOf(0xff, at)) {
    const marker = bytes[at + 1];
    if (marker === 0xd9) return true;
    // Without a length: 0xff00 is a value of the compressed data, 0xffd0 to 0xffd7 restart it.
    if (marker === 0xff) at += 1;
    else if (marker <= 1 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else at += 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
  }
  return false;
}

/** https://developers.google.com/speed/webp/docs/riff_container */
function webp(view) {
  if (!says(view, 0, "RIFF") || !says(view, 8, "WEBP")) return null;
  const uint24 = (at) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  if (says(view, 12, "VP8X")) {
    const flags = view.getUint8(20);
    const size = { width: uint24(24) + 1, height: uint24(27) + 1 };
    const [alpha, profile, animated] = [16, 32, 2].map((flag) => (flags & flag) !== 0);
    return { type: "webp", ...size, alpha, profile, animated };
  }
  if (says(view, 12, "VP8L")) {
    const bits = view.getUint32(21, true);
    const [width, height] = [bits & 0x3fff, (bits >>> 14) & 0x3fff];
    return { type: "webp", width: width + 1, height: height + 1, alpha: ((bits >>> 28) & 1) !== 0 };
  }
  return {
    type: "webp",
    width: view.getUint16(26, true) & 0x3fff,
    height: view.getUint16(28, true) & 0x3fff,
    alpha: false,
  };
}

/** https://www.w3.org/Graphics/GIF/spec-gif89a.txt */
function gif(view) {
  if (!says(view, 0, "GIF8")) return null;
  return { type: "gif", width: view.getUint16(6, true), height: view.getUint16(8, true), alpha: true };
}

/** https://learn.microsoft.com/en-us/windows/win32/gdi/bitmap-storage */
function bmp(view) {
  if (!says(view, 0, "BM")) return null;
  const alpha = view.getUint16(28, true) === 32;
  return { type: "bmp", width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)), alpha };
}
