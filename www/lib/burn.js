// Finds the build with Burn's operators. In the npm package, npm/burn.js takes the place of this module.

export const burnWasm = () => new URL("../pkg/burn/web_bg.wasm", import.meta.url);

export const startBurn = () => new Worker(new URL("../workers/burn.js", import.meta.url), { type: "module" });
