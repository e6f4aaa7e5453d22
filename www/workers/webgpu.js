// Worker that runs plans on WebGPU.

import init, { Upscaler } from "../pkg/webgpu/web.js";
// Imported by the next module: listed here, it is fetched at the same time.
import "./worker-server.js";
import { serveUpscaler } from "./worker-upscale.js";

serveUpscaler(init, Upscaler);
