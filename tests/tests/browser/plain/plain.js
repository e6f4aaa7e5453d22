// A third-party page in another folder that uses the module as described in its README.
import { load } from "../some/where/uprez.js";

window.load = load;
