export default {
  // Only for the development server, which would otherwise move the library away from its workers.
  optimizeDeps: { exclude: ["uprez"] },
  logLevel: "warn",
};
