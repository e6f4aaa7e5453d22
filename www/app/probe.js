// Finds out how an image was compressed, from its file and from its pixels. The functions are pure.

/** Quantisation of luma at quality 50, in the order of the file: ITU T.81, table K.1, which libjpeg scales. */
const LUMA_AT_50 = [
  16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60,
  57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112,
  100, 120, 92, 101, 103, 99,
];

/** From this quality on, the model for clean images is better on a JPEG: docs/models.md. */
const HARDLY_COMPRESSED = 94;

/** The same for other formats, in bits per pixel: reading their quality would take a decoder. */
const HARDLY_COMPRESSED_BITS = { WebP: 2, AVIF: 1.5, HEIC: 1.5 };

/** Side of a JPEG's blocks, in pixels. */
const BLOCK = 8;

/**
 * Steps are this many times as frequent at the edges of blocks as elsewhere. Of 84 images that were never compressed,
 * shrunk to half their size, 5 reach it; of the same as JPEG, half do at quality 90 and five in six at 75.
 */
const MANY_STEPS = 1.3;

/**
 * How a file was compressed, as far as its beginning tells.
 *
 * @param {Uint8Array} bytes the file, or its beginning
 * @returns {{ format: string, lossy: boolean, quality: number | null } | null} `quality` of a JPEG, from 1 to 100 by
 *   libjpeg's scale; null for an unknown format
 */
export function compression(bytes) {
  const text = (from, to) => String.fromCharCode(...bytes.subarray(from, to));
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return { format: "JPEG", lossy: true, quality: jpegQuality(bytes) };
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") {
    return { format: "WebP", lossy: !hasChunk(bytes, "VP8L"), quality: null };
  }
  if (text(4, 8) === "ftyp") return { format: text(8, 11) === "avi" ? "AVIF" : "HEIC", lossy: true, quality: null };
  const lossless = { PNG: "\x89PNG", GIF: "GIF8", BMP: "BM" };
  const found = Object.keys(lossless).find((name) => text(0, lossless[name].length) === lossless[name]);
  return found ? { format: found, lossy: false, quality: null } : null;
}

/** The quality by which libjpeg scales its table to this file's table; null if the bytes end before. */
function jpegQuality(bytes) {
  const uint16 = (at) => (bytes[at] << 8) | bytes[at + 1];
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; at += 2 + uint16(at + 2)) {
    // Tables of quantisation.
    if (bytes[at + 1] !== 0xdb) continue;
    const end = at + 2 + uint16(at + 2);
    for (let table = at + 4; table < end; ) {
      const [wide, id] = [bytes[table] >> 4, bytes[table] & 15];
      const value = (i) => (wide ? uint16(table + 1 + 2 * i) : bytes[table + 1 + i]);
      const length = 64 * (wide ? 2 : 1);
      if (id === 0 && table + length < bytes.length) return qualityOf(LUMA_AT_50.map((_, i) => value(i)));
      table += 1 + length;
    }
  }
  return null;
}

function qualityOf(table) {
  let [found, standard] = [0, 0];
  table.forEach((value, i) => {
    // The others were clamped.
    if (value <= 1 || value >= 255) return;
    found += value;
    standard += LUMA_AT_50[i];
  });
  if (found === 0) return table[0] <= 1 ? 100 : 1;
  const percent = (100 * found) / standard;
  const quality = percent <= 100 ? (200 - percent) / 2 : 5000 / percent;
  return Math.min(100, Math.max(1, Math.round(quality)));
}

/** Whether a WebP has a chunk of this name. https://developers.google.com/speed/webp/docs/riff_container */
function hasChunk(bytes, name) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length; ) {
    if (String.fromCharCode(...bytes.subarray(at, at + 4)) === name) return true;
    const length = view.getUint32(at + 4, true);
    at += 8 + length + (length % 2);
  }
  return false;
}

/**
 * Whether the pixels show the blocks of a JPEG, anywhere on a grid of 8 pixels.
 *
 * @param {{ width: number, height: number, data: Uint8ClampedArray }} image
 */
export function isBlocky({ width, height, data }) {
  // For every column and row of the grid: how many steps between two pixels are larger than the one before and behind.
  const steps = new Array(BLOCK).fill(0);
  const luma = new Float32Array(width * height);
  for (let i = 0; i < luma.length; i += 1) {
    luma[i] = Math.round(0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
  }
  const step = (at, stride) => Math.abs(luma[at + stride] - luma[at]);
  const count = (lines, nextLine, length, stride) => {
    for (let line = 0; line < lines; line += 1) {
      for (let i = 1; i + 2 < length; i += 1) {
        const at = line * nextLine + i * stride;
        const here = step(at, stride);
        if (here > step(at - stride, stride) && here > step(at + stride, stride)) steps[i % BLOCK] += 1;
      }
    }
  };
  count(height, width, width, 1);
  count(width, 1, height, width);
  const most = Math.max(...steps);
  const others = (steps.reduce((sum, one) => sum + one, 0) - most) / (BLOCK - 1);
  return most > MANY_STEPS * others;
}

/**
 * The purpose of the model that suits an image.
 *
 * @param {ReturnType<typeof compression>} found
 * @param {boolean} blocky see `isBlocky`
 * @param {number} bitsPerPixel of the file; NaN if its size is not known
 * @returns {"photo" | "clean"}
 */
export function suggestedPurpose(found, blocky, bitsPerPixel) {
  if (found === null) return "photo";
  const { format, lossy, quality } = found;
  if (!lossy) return blocky ? "photo" : "clean";
  return quality >= HARDLY_COMPRESSED || bitsPerPixel >= HARDLY_COMPRESSED_BITS[format] ? "clean" : "photo";
}
