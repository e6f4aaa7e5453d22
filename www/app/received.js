// Takes the files that the system gives to the installed app: opened with it, or shared by other apps.

/** The service worker keeps shared files in this cache, each with its name in a header; see sw.js. */
const SHARED = `uprez-shared ${new URL("./", document.baseURI)}`;
const NAME = "x-name";

/**
 * @param {(files: File[]) => void} take
 * @param {(error: Error) => void} fail
 */
export function receiveFiles(take, fail) {
  globalThis.launchQueue?.setConsumer(async ({ files }) => {
    try {
      if (files?.length > 0) take(await Promise.all(files.map((handle) => handle.getFile())));
    } catch (error) {
      fail(error);
    }
  });
  const shared = new URLSearchParams(location.search).get("shared");
  if (shared === null) return;
  // A reload must not take them again.
  history.replaceState(null, "", "./");
  if (shared === "failed") return fail(new Error("the shared files cannot be stored; is the disk full?"));
  takeShared().then((files) => files.length > 0 && take(files), fail);
}

/** The files that the service worker has kept; they are deleted. */
async function takeShared() {
  const cache = await caches.open(SHARED);
  const files = (await cache.matchAll()).map(async (response) => {
    const { headers } = response;
    const type = headers.get("content-type");
    return new File([await response.blob()], decodeURIComponent(headers.get(NAME)), { type });
  });
  const found = await Promise.all(files);
  await caches.delete(SHARED);
  return found;
}
