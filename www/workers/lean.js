// Worker of the small build: runs a network's plan on the CPU or on WebGPU.

import init, { Upscaler } from "../pkg/lean/web.js";
// Imported by the next module: listed here, it is fetched at the same time.
import "./worker-server.js";
import { serveUpscaler } from "./worker-upscale.js";

serveUpscaler(init, Upscaler);
