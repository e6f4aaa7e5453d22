// The ways to add files: choosing, dropping, pasting, the camera, a URL, the examples.

import { $ } from "./dom.js";
import { droppedFiles } from "./dropped-files.js";
import { isModelFile } from "./models.js";
import { openUrl } from "./open-url.js";
import { translated } from "./words.js";

/** Most file names in the notice of files that were left out. */
const MAX_NAMES = 5;

/**
 * @param {(files: File[]) => void} take
 * @param {(error: Error) => void} fail
 * @param {(text: string) => void} notify
 */
export function watchInputs(take, fail, notify) {
  for (const id of ["file", "folder", "camera"]) {
    $(id).addEventListener("change", () => {
      const files = [...$(id).files];
      // Choosing the same file again must fire `change`.
      $(id).value = "";
      takeSome(files, take, fail, notify);
    });
  }
  for (const button of document.querySelectorAll(".example")) {
    button.addEventListener("click", () => openUrl(button.dataset.src).then((file) => take([file]), fail));
  }
  $("address-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      take([await openUrl($("address").value.trim())]);
      $("address").value = "";
    } catch (error) {
      fail(error);
    }
  });
  watchDrop(take, fail, notify);
  document.addEventListener("paste", (event) => {
    const { files } = event.clipboardData;
    // Text belongs to the field that it is pasted into.
    if (files.length > 0) take([...files]);
  });
}

/** Takes the images and models among several files; a notice names the others. */
function takeSome(files, take, fail, notify) {
  const mayBe = files.length === 1 ? () => true : isUseful;
  const useful = files.filter(mayBe);
  if (useful.length === 0) return fail(new Error("none of these files is an image"));
  take(useful);
  const others = files.filter((file) => !mayBe(file)).map(({ name }) => name);
  if (others.length === 0) return;
  const names = others.slice(0, MAX_NAMES).join(", ") + (others.length > MAX_NAMES ? ", …" : ".");
  const one = translated(`1 file was left out because it is not an image: ${names}`);
  const more = translated(`${others.length} files were left out because they are not images: ${names}`);
  notify(others.length === 1 ? one : more);
}

/** Some systems have no MIME type for these formats. */
const isUseful = (file) =>
  file.type.startsWith("image/") || /\.(avif|heic|heif|jxl)$/i.test(file.name) || isModelFile(file);

function watchDrop(take, fail, notify) {
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
    const url = event.dataTransfer.getData("text/uri-list").split(/\r?\n/)[0];
    try {
      const files = await droppedFiles(event.dataTransfer);
      if (files.length > 0) takeSome(files, take, fail, notify);
      else if (url) take([await openUrl(url)]);
      else fail(new Error("nothing that you dropped is a file; drop image files from your computer"));
    } catch (error) {
      fail(error);
    }
  });
}
