// Brings a result to the requested size and encodes it. Imported only when needed.

import { compile, startWorker } from "./fetch.js";
import { paste } from "./target.js";
import { WorkerClient } from "./worker-client.js";

/** Resizes and encodes one result in a worker of its own, so that all its memory is freed with the worker. */
export class Encoder {
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

  /** Starts resizing from one size to another: `{ width, height }`. */
  async begin(from, to) {
    const wasm = await compile("resize", this.#files);
    await this.#call({ type: "begin", wasm, from, to });
  }

  /** Adds the next rows; their buffer is transferred. */
  push(rgba) {
    this.#call({ type: "push", rgba }, [rgba.buffer]);
  }

  /** The resized pixels. */
  async end() {
    return (await this.#call({ type: "end" })).rgba;
  }

  /** Encodes the resized pixels, or `image`, whose buffer is transferred. */
  async encode({ width, height }, image, { type, quality }) {
    const rgba = image?.data;
    const request = { type: "encode", rgba, width, height, format: type, quality };
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

  take([x, y, width, height], rgba) {
    const band = this.#bands.get(y);
    band.data ??= new Uint8Array(4 * this.#width * band.height);
    paste({ data: band.data, width: this.#width }, [x, 0, width, height], this.#scale, rgba);
    band.missing -= 1;
    for (const [y, { missing, data }] of this.#bands) {
      if (missing > 0) break;
      this.#bands.delete(y);
      this.#push(data);
    }
  }
}
