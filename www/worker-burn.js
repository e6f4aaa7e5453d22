// A worker that runs any network on Burn's operators.

import init, { Upscaler } from "./pkg/burn/web.js";
import { serveUpscaler } from "./upscaling.js";

serveUpscaler(init, Upscaler);
