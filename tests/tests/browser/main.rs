//! The page and its module in a real browser, end to end.
//!
//! What the browser computes is compared with what this process computes natively. Every test
//! serves the site from a sub-folder under the strict security policy, in a browser of its own with
//! a fresh profile, and ends with the proof that nothing foreign was asked for.

mod api;
mod app_access;
mod app_download;
mod app_inputs;
mod app_offline;
mod app_queue;
mod app_reliable;
mod app_settings;
mod app_viewer;
mod digits;
mod element;
mod firefox;
mod fixture;
mod format;
mod gpu;
mod package;
mod page;
mod policy;
mod screenshots;
mod site;
mod study;
mod target;
mod trouble;
