// What comes behind the network: the size that was asked for, and a file. Fetched only when it is used.

import { Connection } from "./connection.js";
import { compile, startWorker } from "./fetch.js";
import { paste } from "./target.js";

/** A worker of its own, whose memory is gone with it. */
export class Finisher {
  #worker;
  #files;
  /** What came of all requests so far. */
  #done = Promise.resolve();

  constructor(files) {
    this.#files = files;
    this.#worker = new Connection(startWorker("resize", files));
  }

  #call(request, transfer) {
    const answer = Promise.all([this.#worker.call(request, transfer), this.#done]).then(([answer]) => answer);
    this.#done = answer;
    // Whoever waits for the last one is told.
    answer.catch(() => {});
    return answer;
  }

  /** Begins to resize from one size to another: `{ width, height }`. */
  async begin(from, to) {
    const wasm = await compile("resize", this.#files);
    await this.#call({ type: "begin", wasm, from, to });
  }

  /** The next rows, which are gone then. */
  push(rgba) {
    this.#call({ type: "push", rgba }, [rgba.buffer]);
  }

  /** The pixels of what was resized. */
  async end() {
    return (await this.#call({ type: "end" })).rgba;
  }

  /** The file of what was resized, or of `image`, whose pixels are gone then. */
  async encode({ width, height }, image, { type, quality }) {
    const rgba = image?.data;
    const request = { type: "encode", rgba, width, height, format: type, quality };
    return (await this.#call(request, rgba ? [rgba.buffer] : [])).blob;
  }

  close() {
    this.#worker.terminate();
  }
}

/** Bands as high as a tile, from top to bottom, each handed on when it is complete. */
export class Bands {
  #bands = new Map();
  #width;
  #scale;
  #push;

  /** Of a picture that comes to be `width` pixels wide. */
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
