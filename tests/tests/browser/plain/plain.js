// A page of somebody else's, in another folder, that uses the module as its README says.
import { load } from "../some/where/uprez.js";

window.load = load;
