// Shows the tiles of a result while it is computed.

/** Larger results are shown reduced, without smoothing: scaling tiles by a canvas would hold up the page. */
const MAX_PIXELS = 1e6;

export class LiveTiles {
  #canvas;
  #context;
  /** Pixels of the canvas per pixel of the result; null until the first tile. */
  #factor = null;

  /** @param {HTMLCanvasElement} canvas which is transparent where there is no tile yet */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
  }

  /**
   * @param {import("../lib/uprez.js").Tile} tile
   * @param {{ width: number, height: number } | null} size of the result; null if it is not known
   */
  paint({ x, y, image }, size) {
    if (!size) return;
    if (this.#factor === null) {
      this.#factor = Math.min(1, Math.sqrt(MAX_PIXELS / (size.width * size.height)));
      for (const side of ["width", "height"]) this.#canvas[side] = Math.max(1, Math.round(size[side] * this.#factor));
    }
    const columns = this.#samples(x, image.width, this.#canvas.width);
    const rows = this.#samples(y, image.height, this.#canvas.height);
    if (columns.places.length === 0 || rows.places.length === 0) return;
    const part = new ImageData(columns.places.length, rows.places.length);
    const pixels = new Uint32Array(image.data.buffer, image.data.byteOffset, image.width * image.height);
    const reduced = new Uint32Array(part.data.buffer);
    let at = 0;
    for (const row of rows.places) {
      for (const column of columns.places) reduced[at++] = pixels[row * image.width + column];
    }
    this.#context.putImageData(part, columns.first, rows.first);
  }

  /** In one direction: the first pixel of the canvas that lies in a tile, and the places in the tile to take pixels from. */
  #samples(start, length, end) {
    const place = (pixel) => Math.floor((pixel + 0.5) / this.#factor) - start;
    let first = Math.floor(start * this.#factor);
    while (place(first) < 0) first += 1;
    const places = [];
    for (let pixel = first; pixel < end && place(pixel) < length; pixel += 1) places.push(place(pixel));
    return { first, places };
  }

  clear() {
    this.#factor = null;
    // Empties it, too.
    this.#canvas.width = this.#canvas.height = 1;
  }
}
