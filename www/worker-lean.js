// A worker that runs plans.

import init, { Upscaler } from "./pkg/lean/web.js";
import { serveUpscaler } from "./upscaling.js";

serveUpscaler(init, Upscaler);
