// The npm package `uprez-burn`: registers the build with Burn's operators for `uprez`, which reads it in npm/burn.js.

import { VERSION } from "../lib/version.js";

globalThis[Symbol.for("uprez-burn")] = {
  version: VERSION,
  wasm: new URL("../pkg/burn/web_bg.wasm", import.meta.url),
  start: () => new Worker(new URL("../workers/burn.js", import.meta.url), { type: "module" }),
};
