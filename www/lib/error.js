/**
 * An error with a `code` that says what failed:
 *
 * - `no-model`: the model's file cannot be fetched
 * - `bad-model`: the file is not a usable model; the message says why
 * - `unknown-scale`: the model does not have the requested `scale`; the message lists those it has
 * - `no-image`: the image cannot be fetched from its URL
 * - `not-an-image`: the source cannot be decoded as an image, or has no pixels
 * - `unreadable-file`: the file was changed, moved or deleted after it was chosen
 * - `too-large`: the image, its result, or a file to import is too large; the message says what size fits
 * - `cross-origin`: the image comes from another site that does not allow reading it
 * - `no-pixels`: the browser returns noise instead of pixels, to prevent fingerprinting
 * - `no-encoder`: this browser cannot encode the requested file type
 * - `no-display-p3`: this browser has no canvases in Display P3
 * - `no-webgpu`: WebGPU was requested by name, but is not available
 * - `no-simd`: the browser is too old for WebAssembly SIMD (2023)
 * - `wrong-gpu`, `gpu-failed`: the GPU failed while it was requested by name
 * - `worker-failed`: a worker could not be started, or crashed
 * - `disposed`: `dispose()` was called before
 * - `internal`: a bug in this library
 */
export class UprezError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "UprezError";
    this.code = code;
  }
}
