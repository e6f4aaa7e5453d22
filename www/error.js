/**
 * Something that went wrong, with a `code` to act on:
 *
 * - `no-model`: the model's file cannot be fetched
 * - `bad-model`: it is no usable model file; the message says why
 * - `unknown-scale`: the model cannot enlarge by the `scale` asked for; the message names those it can
 * - `no-image`: the picture cannot be fetched from its URL
 * - `not-an-image`: the source is no picture that can be read, or an empty one
 * - `too-large`: the picture or its result is too large; the message says what fits
 * - `cross-origin`: the picture comes from another site that doesn't allow reading it
 * - `no-pixels`: the browser gives noise in their place, against fingerprinting
 * - `no-encoder`: this browser writes no files of that type
 * - `no-webgpu`: WebGPU was asked for by name, but there is none
 * - `no-simd`: this browser is older than WebAssembly's vectors (2023)
 * - `wrong-gpu`, `gpu-failed`: the GPU failed, and was asked for by name when it was loaded
 * - `worker-failed`: the worker could not be started, or broke down
 * - `disposed`: `dispose()` was called before
 * - `internal`: a defect of this library
 */
export class UprezError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "UprezError";
    this.code = code;
  }
}
