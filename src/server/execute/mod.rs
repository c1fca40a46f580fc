//! Executing a request.

pub(crate) mod client_reply;
pub(crate) mod context;
pub(crate) mod error_report;
pub(crate) mod execution;
pub(crate) mod failure;
pub(crate) mod scan_cursors;
pub(crate) mod scope;
pub(crate) mod session;
