// A worker that runs any network on Burn's operators.

import init, { Upscaler } from "./pkg/burn/web.js";
// So that it comes with the next one and not after it.
import "./serve.js";
import { serveUpscaler } from "./upscaling.js";

serveUpscaler(init, Upscaler);
