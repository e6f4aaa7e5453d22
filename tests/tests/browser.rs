//! The page, end to end in a real browser.
//!
//! `cargo xtask test` builds what is needed and says where the browser is; `cargo xtask test --only
//! browser` runs these alone.

// Named by hand: `browser.rs` and `browser/mod.rs` are both what `mod browser` may mean here.
#[path = "browser/mod.rs"]
mod browser;
