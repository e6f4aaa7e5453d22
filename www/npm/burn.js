// Finds the build with Burn's operators, which is the npm package `uprez-burn`; importing that registers it. In the npm
// package `uprez`, this module takes the place of lib/burn.js.

import { UprezError } from "./error.js";
import { VERSION } from "./version.js";

function registered() {
  const burn = globalThis[Symbol.for("uprez-burn")];
  if (burn?.version === VERSION) return burn;
  const found = burn ? `version ${burn.version} was imported` : "it was not imported";
  throw new UprezError(
    "no-engine",
    `the engines "burn-webgpu" and "burn-cpu" need the package uprez-burn ${VERSION}, and ${found}: type ` +
      `npm install uprez-burn@${VERSION}, and import "uprez-burn" before this call; or pass as base the folder of a copy ` +
      "of the whole site (target/dist), which contains them",
  );
}

export const burnWasm = () => registered().wasm;

export const startBurn = () => registered().start();
