// Worker that makes model files of other projects' weights.

import init, { importModel } from "../pkg/import/web.js";
import { loadWasm, serve } from "./worker-server.js";

serve({
  async import({ wasm, bytes, about, options }) {
    await loadWasm(init, wasm);
    const record = importModel(bytes, JSON.stringify(about), JSON.stringify(options));
    return { record, transfer: [record.buffer] };
  },
});
