// Writes a PNG row by row, so that its size is not limited by memory or by a canvas: https://www.w3.org/TR/png-3/

import { update } from "./crc32.js";

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Eight bits per channel; red, green, blue, alpha; deflate; adaptive filters; not interlaced. */
const FORMAT = [8, 6, 0, 0, 0];

/** Filter that predicts each byte from its neighbours on the left, above, and above on the left. */
const PAETH = 4;

/** Colour primaries of Display P3, transfer function of sRGB, RGB, full range: ITU-T H.273. */
const DISPLAY_P3 = [12, 13, 0, 1];

/** Chunks are joined to a blob when there are so many: browsers keep large blobs on disk. */
const MAX_PARTS = 256;

export class PngWriter {
  #width;
  /** The row above, filtered bytes being differences to it. */
  #above;
  #deflate = new CompressionStream("deflate");
  #input = this.#deflate.writable.getWriter();
  #parts;
  #collected;

  /**
   * @param {number} width in pixels
   * @param {number} height
   * @param {Uint8Array[]} profile chunks that say the colour space; none for sRGB
   */
  constructor(width, height, profile = []) {
    this.#width = width;
    this.#above = new Uint8Array(4 * width);
    const header = new DataView(new ArrayBuffer(8));
    header.setUint32(0, width);
    header.setUint32(4, height);
    this.#parts = [Uint8Array.from(PNG_SIGNATURE)];
    this.#parts.push(...chunk("IHDR", Uint8Array.of(...new Uint8Array(header.buffer), ...FORMAT)));
    this.#parts.push(...profile);
    this.#collected = this.#collect();
  }

  /** Adds rows of RGBA pixels; resolves when more may follow. */
  async write(rgba) {
    const length = 4 * this.#width;
    const rows = rgba.length / length;
    const filtered = new Uint8Array(rows * (1 + length));
    for (let row = 0; row < rows; row += 1) {
      const bytes = rgba.subarray(row * length, (row + 1) * length);
      filter(bytes, this.#above, filtered.subarray(row * (1 + length), (row + 1) * (1 + length)));
      this.#above = bytes;
    }
    // The buffer of `rgba` may be used again.
    this.#above = this.#above.slice();
    await this.#input.write(filtered);
  }

  /** The file, after the last row. */
  async end() {
    await this.#input.close();
    await this.#collected;
    return new Blob([...this.#parts, ...chunk("IEND", new Uint8Array())], { type: "image/png" });
  }

  async #collect() {
    const reader = this.#deflate.readable.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      this.#parts.push(...chunk("IDAT", part.value));
      if (this.#parts.length > MAX_PARTS) this.#parts = [new Blob(this.#parts)];
    }
  }
}

/**
 * The chunks that say Display P3: its numbers, and for older programs the profile that the browser writes.
 *
 * @returns {Promise<Uint8Array[]>}
 */
export async function displayP3() {
  const canvas = new OffscreenCanvas(1, 1);
  canvas.getContext("2d", { colorSpace: "display-p3" });
  const bytes = new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer());
  const view = new DataView(bytes.buffer);
  const found = chunk("cICP", Uint8Array.from(DISPLAY_P3));
  for (let at = PNG_SIGNATURE.length; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "iCCP") found.push(bytes.subarray(at, at + 12 + view.getUint32(at)));
  }
  return found;
}

/** Writes the type of the filter and the filtered row. */
function filter(row, above, out) {
  out[0] = PAETH;
  for (let i = 0; i < row.length; i += 1) {
    const left = i < 4 ? 0 : row[i - 4];
    const corner = i < 4 ? 0 : above[i - 4];
    const up = above[i];
    // Distances of left + up - corner to each of the three.
    const toLeft = Math.abs(up - corner);
    const toUp = Math.abs(left - corner);
    const toCorner = Math.abs(left + up - 2 * corner);
    const nearest = toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    out[i + 1] = row[i] - nearest;
  }
}

/**
 * The parts of a chunk: length and type, data, checksum.
 *
 * @param {string} type
 * @param {Uint8Array} data
 */
export function chunk(type, data) {
  const head = new DataView(new ArrayBuffer(8));
  head.setUint32(0, data.length);
  [...type].forEach((letter, i) => head.setUint8(4 + i, letter.charCodeAt(0)));
  const sum = new DataView(new ArrayBuffer(4));
  sum.setUint32(0, update(update(0, new Uint8Array(head.buffer, 4)), data));
  return [new Uint8Array(head.buffer), data, new Uint8Array(sum.buffer)];
}
