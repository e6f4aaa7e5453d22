// Shows the tiles of a result while it is computed.

/** Larger results are shown reduced: each tile makes the browser draw the whole canvas. */
const MAX_PIXELS = 2e6;

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
  async paint({ x, y, image }, size) {
    if (!size) return;
    if (this.#factor === null) {
      this.#factor = Math.min(1, Math.sqrt(MAX_PIXELS / (size.width * size.height)));
      for (const side of ["width", "height"]) this.#canvas[side] = Math.ceil(size[side] * this.#factor);
    }
    const factor = this.#factor;
    if (factor === 1) return this.#context.putImageData(image, x, y);
    const bitmap = await createImageBitmap(image);
    const [left, top, width, height] = [x, y, image.width, image.height].map((side) => side * factor);
    // Unless it was cleared meanwhile.
    if (this.#factor === factor) this.#context.drawImage(bitmap, left, top, width, height);
    bitmap.close();
  }

  clear() {
    this.#factor = null;
    // Empties it, too.
    this.#canvas.width = this.#canvas.height = 1;
  }
}
