// Relative paths: the site may be in any folder.
export default { base: "./", logLevel: "warn" };
