// Makes model files of other projects' weights: PyTorch, safetensors and ONNX files.

import { UprezError } from "./error.js";
import { compile, startWorker } from "./fetch.js";
import { deviceMemory } from "./target.js";
import { WorkerClient } from "./worker-client.js";

/** Largest file per GiB of the device's memory: the worker holds its values several times, in single precision. */
const BYTES_PER_GIB = 64 << 20;

const MB = 1e6;

/** Rejects a file that is too large for this device, before it is read. */
export function checkSize(bytes) {
  const most = BYTES_PER_GIB * deviceMemory();
  if (bytes <= most) return;
  const [found, allowed] = [bytes, most].map((size) => `${Math.floor(size / MB)} MB`);
  throw new UprezError("too-large", `the file has ${found}; files of up to ${allowed} can be imported on this device`);
}

/** Whether a file may hold weights: a zip archive, a pickle, safetensors, or ONNX. */
export function looksImportable(bytes) {
  const start = [...bytes.subarray(0, 9)];
  const isZip = start[0] === 0x50 && start[1] === 0x4b;
  const isPickle = start[0] === 0x80;
  const isSafetensors = start[8] === 0x7b;
  // The first field of ONNX's message, a number, is the version of the format.
  const isOnnx = start[0] === 0x08;
  return isZip || isPickle || isSafetensors || isOnnx;
}

/**
 * The bytes of a model file made of `bytes`, whose memory is given away.
 *
 * @param {Uint8Array} bytes
 * @param {{ file?: string, name?: string, licence?: string, credit?: string }} about
 * @param {{ mean?: number[], range?: number, activation?: string }} options
 */
export async function makeRecord(bytes, about, options, files, signal) {
  checkSize(bytes.length);
  signal?.throwIfAborted();
  const worker = new WorkerClient(startWorker("import", files));
  // A file cannot be cancelled while it is read, but its worker can be ended.
  const abort = () => worker.terminate(signal.reason);
  signal?.addEventListener("abort", abort);
  try {
    const wasm = await compile("import", files);
    const { record } = await worker.call({ type: "import", wasm, bytes, about, options }, [bytes.buffer]);
    return record;
  } finally {
    signal?.removeEventListener("abort", abort);
    worker.terminate();
  }
}
