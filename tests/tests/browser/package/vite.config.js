// Wherever the site lies.
export default { base: "./", logLevel: "warn" };
