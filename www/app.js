// The app: takes images, upscales them one after the other, and shows the results.
//
// Hooks that tests may rely on: #file, #drop, #settings with #model, #model-save, #engine, #size, #amount, #type,
// #quality, #metadata, #auto; #images with an <li data-state> for each; #start, #again, #download-all, #save-all,
// #remove-all; #viewer (data-shows) with #before, #tiles, #after and #divider (role=slider), #hold, #copy, #share,
// #download, #facts; #status (aria-live), #error, #notice.
// While there is work to do, <body> has the attribute data-busy.

import { confirmLeave } from "./app/confirm-leave.js";
import { $ } from "./app/dom.js";
import { watchInputs } from "./app/inputs.js";
import { keepOffline, offerInstallation } from "./app/install.js";
import { FolderOutput } from "./app/folder-output.js";
import { List } from "./app/list.js";
import { Models, isModelFile } from "./app/models.js";
import { Queue } from "./app/queue.js";
import { receiveFiles } from "./app/received.js";
import { Settings } from "./app/settings.js";
import { sentence } from "./app/format.js";
import { Viewer } from "./app/viewer.js";
import { translated, translatePage } from "./app/words.js";

translatePage();

const settings = new Settings();
const models = new Models(settings);
const queue = new Queue(models, settings);
const viewer = new Viewer(fail);
const list = new List(queue, settings, new FolderOutput(queue, fail), show);

confirmLeave(queue);
offerInstallation();
queue.addEventListener("removed", ({ detail }) => detail === viewer.item && show(queue.items[0] ?? null));
let key = settings.key;
settings.addEventListener("change", () => {
  models.describe();
  if (settings.key === key) return;
  key = settings.key;
  queue.reconsider();
});
for (const id of ["error", "notice"]) $(`${id}-close`).addEventListener("click", () => ($(id).hidden = true));
const listed = listModels();
watchInputs(take, fail, notify);
receiveFiles(take, fail);
await listed;
keepOffline(queue);

async function listModels() {
  try {
    await models.list();
    settings.restoreModel();
    models.describe();
  } catch (error) {
    fail(new Error(`The list of models cannot be read (${error.message}). Reload the page, or add a model file.`));
  }
}

/** Adds models to the list, and images to the queue. */
async function take(files) {
  $("error").hidden = $("notice").hidden = true;
  // Without the list there is no model to choose.
  await listed;
  for (const file of files.filter(isModelFile)) await takeModel(file);
  const images = files.filter((file) => !isModelFile(file));
  if (images.length > 0) show(queue.add(images));
}

async function takeModel(file) {
  document.body.dataset.busy = "";
  try {
    const { name } = await models.add(file);
    settings.touch();
    $("model-details").open = true;
    $("status").textContent = translated(`The model ${name} is ready.`);
  } catch (error) {
    fail(error);
  }
  queue.dispatchEvent(new Event("change"));
}

function show(item) {
  document.body.classList.toggle("has-images", Boolean(item));
  viewer.show(item);
  list.mark(item);
}

function notify(text) {
  $("notice").textContent = $("status").textContent = text;
  $("notice").hidden = false;
}

function fail(error) {
  $("error").textContent = sentence(error);
  $("error").hidden = false;
}
