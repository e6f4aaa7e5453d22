// Ways in: choosing, dropping, pasting, the camera, an address, the examples.

import { $ } from "./dom.js";
import { openAddress } from "./open-url.js";
import { droppedFiles } from "./dropped-files.js";
import { counted } from "./format.js";

/** How many files that were left out are named. */
const NAMED = 5;

/**
 * @param {(files: File[]) => void} take
 * @param {(error: Error) => void} fail
 */
export function watchInputs(take, fail) {
  for (const id of ["file", "folder", "camera"]) {
    $(id).addEventListener("change", () => {
      const files = [...$(id).files];
      // So that choosing the same file again is a change.
      $(id).value = "";
      takeSome(files, take, fail);
    });
  }
  for (const button of document.querySelectorAll(".example")) {
    button.addEventListener("click", () => openAddress(button.dataset.src).then((file) => take([file]), fail));
  }
  $("address-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      take([await openAddress($("address").value.trim())]);
      $("address").value = "";
    } catch (error) {
      fail(error);
    }
  });
  watchDrop(take, fail);
  document.addEventListener("paste", (event) => {
    const { files } = event.clipboardData;
    // Text is for the field that it is pasted into.
    if (files.length > 0) take([...files]);
  });
}

/** Of many files, or a folder, only what may be a picture or a model; the others are named. */
function takeSome(files, take, fail) {
  const mayBe = files.length === 1 ? () => true : isUseful;
  const useful = files.filter(mayBe);
  if (useful.length === 0) return fail(new Error("there is no picture among these files"));
  take(useful);
  const others = files.filter((file) => !mayBe(file)).map(({ name }) => name);
  if (others.length === 0) return;
  const why = others.length === 1 ? "was left out, as it is no picture" : "were left out, as they are no pictures";
  const names = others.slice(0, NAMED).join(", ") + (others.length > NAMED ? " and others" : "");
  fail(new Error(`${counted(others.length, "file")} ${why}: ${names}`));
}

/** Systems have no type for every format. */
const isUseful = ({ name, type }) => type.startsWith("image/") || /\.(avif|heic|heif|jxl|bpk)$/i.test(name);

function watchDrop(take, fail) {
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dragging");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dragging");
  });
  document.addEventListener("drop", async (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
    const address = event.dataTransfer.getData("text/uri-list").split(/\r?\n/)[0];
    try {
      const files = await droppedFiles(event.dataTransfer);
      if (files.length > 0) takeSome(files, take, fail);
      else if (address) take([await openAddress(address)]);
      else fail(new Error("there was no file in what you dropped; drop pictures from your computer"));
    } catch (error) {
      fail(error);
    }
  });
}
