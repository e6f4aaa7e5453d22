// Brings a result to the requested size, and encodes it or passes it on in parts. Imported only when needed.

import { checkCanvas, fitsCanvas } from "./canvas-limits.js";
import { compile, startWorker } from "./fetch.js";
import { readFile } from "./source.js";
import { Whole, maxPixels, paste } from "./target.js";
import { WorkerClient } from "./worker-client.js";

/**
 * Whether a PNG of this size is written row by row, as neither memory nor a canvas holds it. Throws if a result of
 * another type is too large for this browser's canvas.
 */
export function isWrittenInRows(size, { as, type }) {
  if (as === "blob" && type === "image/png") return size.width * size.height > maxPixels() || !fitsCanvas(size);
  checkCanvas(size, as === "blob" ? type : null);
  return false;
}

/**
 * Runs the last pass, and makes the result.
 *
 * @param {object} job
 * @param {{ width: number, height: number }} from size of the pass's output
 * @param {{ width: number, height: number }} to
 * @param {Uint32Array[]} tiles of the last pass
 * @param {(output: { take: (tile: Uint32Array, rgba: Uint8Array) => boolean | Promise<boolean> }) => Promise<void>} run
 */
export async function finish(job, from, to, tiles, run) {
  const { as, type, scale, colorSpace, onTile, signal } = job;
  const { width, height } = to;
  // Before the work: the file may change meanwhile.
  const addMetadata = await metadataOf(job, to);
  const fits = from.width === width && from.height === height;
  const inRows = as !== "imagedata" && as !== "tiles" && isWrittenInRows(to, { as, type });
  const show = onTile && ((x, y, rgba, width) => signal?.aborted || onTile(tile(x, y, rgba, width, colorSpace)));
  const encoder = (!fits || inRows || as === "blob") && (job.encoder = new Encoder(job.files));
  let result;
  if (fits && !inRows) {
    const whole = as === "tiles" ? null : new Whole(from, scale, colorSpace);
    await run(show ? new Tiles(scale, show, whole) : whole);
    result = whole?.image;
  } else {
    const keep = inRows ? "png" : as !== "tiles" && "whole";
    await encoder.begin(from, to, fits, keep, colorSpace);
    let y = 0;
    const push = async (rgba) => {
      const rows = await encoder.push(rgba, Boolean(show));
      if (!rows?.length) return;
      const top = y;
      y += rows.length / 4 / width;
      await show(0, top, rows, width);
    };
    await run(new Bands(tiles, from.width, scale, push));
  }
  if (as === "tiles") return to;
  if (as === "blob") return await addMetadata(await encoder.encode(to, result, job));
  return result ?? new ImageData(await encoder.end(), width, height, { colorSpace });
}

/** A function that adds the source's metadata to a file, as far as the caller asks for them. */
async function metadataOf({ as, metadata, source, colorSpace }, { width, height }) {
  if (as !== "blob" || metadata === "none" || !(source instanceof Blob)) return (blob) => blob;
  const [{ adapted, readMetadata, withMetadata }, bytes] = await Promise.all([import("./metadata.js"), readFile(source)]);
  const location = metadata === "keep-with-location";
  const found = adapted(readMetadata(bytes), { width, height, colorSpace, location });
  return (blob) => withMetadata(blob, found);
}

/** A part of the result, as `onTile` gets it. */
function tile(x, y, rgba, width, colorSpace) {
  const pixels = new Uint8ClampedArray(rgba.buffer, rgba.byteOffset, rgba.length);
  const image = new ImageData(pixels, width, rgba.length / 4 / width, { colorSpace });
  return { x, y, width, height: image.height, image };
}

/** Shows each tile, and writes it to an image, if there is one. */
class Tiles {
  #scale;
  #show;
  #whole;

  constructor(scale, show, whole) {
    this.#scale = scale;
    this.#show = show;
    this.#whole = whole;
  }

  /** Returns true if the tile's memory is kept. */
  async take(tile, rgba) {
    const isKept = Boolean(this.#whole?.take(tile, rgba));
    const [x, y, width] = Array.from(tile, (side) => side * this.#scale);
    await this.#show(x, y, isKept ? rgba.slice() : rgba, width);
    return isKept;
  }
}

/** Resizes and encodes one result in a worker of its own, so that all its memory is freed with the worker. */
class Encoder {
  #worker;
  #files;
  /** Rejects if any request so far has failed. */
  #done = Promise.resolve();

  constructor(files) {
    this.#files = files;
    this.#worker = new WorkerClient(startWorker("resize", files));
  }

  #call(request, transfer) {
    const answer = Promise.all([this.#worker.call(request, transfer), this.#done]).then(([answer]) => answer);
    this.#done = answer;
    // The last call reports the error.
    answer.catch(() => {});
    return answer;
  }

  /** Starts a result of the size `to`, made of rows of the size `from`. */
  async begin(from, to, fits, keep, colorSpace) {
    const wasm = fits ? null : await compile("resize", this.#files);
    await this.#call({ type: "begin", wasm, from, to, keep, colorSpace });
  }

  /** Adds the next rows; their buffer is transferred. Resolves to the rows of the result, if `answer` is true. */
  async push(rgba, answer) {
    return (await this.#call({ type: "push", rgba, answer }, [rgba.buffer])).rows;
  }

  /** The resized pixels. */
  async end() {
    return (await this.#call({ type: "end" })).rgba;
  }

  /** Encodes the resized pixels, or `image`, whose buffer is transferred. */
  async encode({ width, height }, image, { type, quality, colorSpace }) {
    const rgba = image?.data;
    const request = { type: "encode", rgba, width, height, format: type, quality, colorSpace };
    return (await this.#call(request, rgba ? [rgba.buffer] : [])).blob;
  }

  close() {
    this.#worker.terminate();
  }
}

/** Collects tiles into bands of rows as high as a tile, and passes each band on, from top to bottom. */
export class Bands {
  #bands = new Map();
  #width;
  #scale;
  #push;

  /** `width` is that of the enlarged image, in pixels. */
  constructor(tiles, width, scale, push) {
    this.#width = width;
    this.#scale = scale;
    this.#push = push;
    for (const [, y, , height] of tiles) {
      const band = this.#bands.get(y) ?? { missing: 0, height: height * scale };
      band.missing += 1;
      this.#bands.set(y, band);
    }
  }

  /** Returns false: the tile's memory may be used again. */
  async take([x, y, width, height], rgba) {
    const band = this.#bands.get(y);
    band.data ??= new Uint8Array(4 * this.#width * band.height);
    paste({ data: band.data, width: this.#width }, [x, 0, width, height], this.#scale, rgba);
    band.missing -= 1;
    for (const [y, { missing, data }] of this.#bands) {
      if (missing > 0) break;
      this.#bands.delete(y);
      await this.#push(data);
    }
    return false;
  }
}
