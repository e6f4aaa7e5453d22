// Shows an image while it is upscaled: the original with the parts that are done. Imported only when asked for.

/** Quality of the images in between, where the browser encodes WebP. */
const QUALITY = 0.8;

export class Partial {
  #canvas;
  #context;
  #show;
  /** Promise of the images that are being shown; null if there are none. */
  #showing = null;
  #hasNews = false;
  #isOver = false;

  /**
   * @param {ImageBitmap} original is closed
   * @param {{ width: number, height: number }} size of the result
   * @param {(blob: Blob) => Promise<void>} show
   */
  constructor(original, { width, height }, show) {
    this.#canvas = new OffscreenCanvas(width, height);
    this.#context = this.#canvas.getContext("2d");
    this.#context.drawImage(original, 0, 0, width, height);
    original.close();
    this.#show = show;
  }

  /** Adds a part of the result. @type {(tile: import("../lib/uprez.js").Tile) => void} */
  add({ x, y, image }) {
    this.#context.putImageData(image, x, y);
    this.#hasNews = true;
    this.#showing ??= this.#update();
  }

  /** Shows one image at a time, as often as the browser encodes them. */
  async #update() {
    while (this.#hasNews && !this.#isOver) {
      this.#hasNews = false;
      const blob = await this.#canvas.convertToBlob({ type: "image/webp", quality: QUALITY });
      // An image that cannot be shown is followed by the result.
      if (!this.#isOver) await this.#show(blob).catch(() => {});
    }
    this.#showing = null;
  }

  /** Shows nothing from now on; resolves when it is safe to show the result. */
  async end() {
    this.#isOver = true;
    await this.#showing;
  }
}
