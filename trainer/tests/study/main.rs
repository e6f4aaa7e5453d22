//! Studies: what raters must not know stays hidden, and what they say is counted rightly.

mod fixture;
mod making;
mod people;
mod reporting;
mod statistics;
