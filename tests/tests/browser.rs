//! The page, end to end in a real browser.
//!
//! `cargo xtask test` builds what is needed and says where the browser is; `cargo xtask test --only
//! browser` runs these alone.

mod browser;
