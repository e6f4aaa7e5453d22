// A picture from an address. The page's policy allows its own server's only, and that is what makes the promise that
// nothing leaves it.

/**
 * @param {string} address
 * @returns {Promise<File>}
 */
export async function openAddress(address) {
  const url = parse(address);
  if (url.protocol === "data:") return fromData(url);
  if (url.origin !== location.origin) {
    throw new Error(
      `this page asks nobody but its own server for anything, so it cannot open ${url.host || "that address"}; ` +
        "save the picture and drop it here, or copy the picture itself and paste it",
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
  return new File([blob], decodeURIComponent(url.pathname.split("/").pop()) || "picture", { type: blob.type });
}

function parse(address) {
  try {
    return new URL(address, location.href);
  } catch {
    throw new Error("this is no address; one starts with https://");
  }
}

/** https://www.rfc-editor.org/rfc/rfc2397; `fetch` would ask the policy for it. */
function fromData({ pathname }) {
  const [, type, base64, data] = /^([^,;]*)[^,]*?(;base64)?,(.*)$/s.exec(pathname) ?? [];
  try {
    const text = decodeURIComponent(data);
    const bytes = Uint8Array.from(base64 ? atob(text) : text, (character) => character.charCodeAt(0));
    return new File([bytes], `picture.${type.split("/")[1] ?? "png"}`, { type });
  } catch {
    throw new Error("this address holds no picture that can be read; it starts with data:image/");
  }
}
