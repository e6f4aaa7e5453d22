// A third-party page in another folder that uses the module as described in its README.
import { importModel, load } from "../some/where/uprez.js";

Object.assign(window, { importModel, load });
