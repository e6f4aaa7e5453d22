//! The page and its module in a real browser, end to end.
//!
//! Results of the browser are compared with those that this process computes natively. Every test serves the site from
//! a sub-folder with a strict CSP, opens it in a browser with a fresh profile, and asserts at the end that there were no
//! requests to other servers.

mod alone;
mod any_browser;
mod api;
mod app_access;
mod app_download;
mod app_handover;
mod app_import;
mod app_inputs;
mod app_offline;
mod app_queue;
mod app_reliable;
mod app_settings;
mod app_viewer;
mod colour;
mod digits;
mod element;
mod files;
mod firefox;
mod fixture;
mod format;
mod frameworks;
mod gpu;
mod incomplete;
mod limits;
mod main_paths;
mod metadata;
mod other_origin;
mod package;
mod page;
mod policy;
mod probe;
mod screenshots;
mod site;
mod study;
mod target;
mod translation;
mod trouble;
