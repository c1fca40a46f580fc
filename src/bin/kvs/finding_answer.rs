//! A finding about a file, as an answer.

use std::io::{self, Write};

use kvs::Finding;

use crate::common::json::JsonObject;
use crate::common::output::ToolAnswer;

/// A finding, and the kind that it is of.
pub struct FindingAnswer<'a> {
    pub kind: &'static str,
    pub finding: &'a Finding,
}

impl ToolAnswer for FindingAnswer<'_> {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}: {}", self.kind, self.finding)
    }

    fn json(&self) -> Option<JsonObject> {
        let Finding { path, offset, bytes, reason, .. } = self.finding;
        let object = JsonObject::new().field("kind", self.kind);
        let object = object.bytes("file", path.as_os_str().as_encoded_bytes());
        let object = offset.iter().fold(object, |object, offset| object.field("offset", *offset));
        let object = bytes.iter().fold(object, |object, bytes| object.field("bytes", *bytes));
        Some(object.field("reason", reason.as_str()))
    }
}
