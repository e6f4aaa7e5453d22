/** The version of this library; `cargo xtask dist` compares it with the packages'. */
export const VERSION = "0.1.0";
