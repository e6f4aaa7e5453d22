// Opens an image from a URL. The page's CSP allows only its own server, which guarantees that no image is sent elsewhere.

/**
 * @param {string} text
 * @returns {Promise<File>}
 */
export async function openUrl(text) {
  const url = parse(text);
  if (url.protocol === "data:") return fromData(url);
  if (url.origin !== location.origin) {
    throw new Error(
      `this page's CSP blocks requests to other hosts, so it cannot open ${url.host || "this URL"}; ` +
        "save the image and drop it here, or copy the image itself and paste it",
    );
  }
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw new Error(`${url.href} cannot be fetched; are you offline?`);
  }
  if (!response.ok) throw new Error(`${url.href} cannot be fetched (status ${response.status})`);
  const blob = await response.blob();
  return new File([blob], decodeURIComponent(url.pathname.split("/").pop()) || "image", { type: blob.type });
}

function parse(text) {
  try {
    return new URL(text, location.href);
  } catch {
    throw new Error("this is not a valid URL; one starts with https://");
  }
}

/** https://www.rfc-editor.org/rfc/rfc2397; `fetch` is blocked by the CSP. */
function fromData({ href, protocol, hash }) {
  const text = href.slice(protocol.length, href.length - hash.length);
  // Of a URL that may have megabytes, only once.
  const comma = text.indexOf(",");
  const [type, ...parameters] = text.slice(0, Math.max(comma, 0)).split(";");
  try {
    if (comma < 0) throw new Error("no data");
    const data = decodeURIComponent(text.slice(comma + 1));
    const isBase64 = parameters.at(-1) === "base64";
    const bytes = Uint8Array.from(isBase64 ? atob(data) : data, (character) => character.charCodeAt(0));
    return new File([bytes], `image.${type.split("/")[1] ?? "png"}`, { type });
  } catch {
    throw new Error("this data URL holds no image; one with an image starts with data:image/");
  }
}
