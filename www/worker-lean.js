// A worker that runs plans.

import init, { Upscaler } from "./pkg/lean/web.js";
// So that it comes with the next one and not after it.
import "./serve.js";
import { serveUpscaler } from "./upscaling.js";

serveUpscaler(init, Upscaler);
