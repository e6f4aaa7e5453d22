mod api;
mod page;
mod support;
