//! The verb `inspect`: prints everything in a segment file.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use kvs::{FrameItem, HeaderItem, RecordItem, SegmentItem, Store};

use crate::common::failure::{ToolExit, ToolResult};
use crate::common::json::JsonObject;
use crate::common::output::{ToolAnswer, ToolOutput};
use crate::common::verb::Verb;
use crate::local_store::LocalStore;

/// The arguments of `inspect`.
#[derive(Args)]
pub struct InspectVerb {
    /// The segment: its file, or its number in the directory of the store
    segment: PathBuf,
    /// Print values, too
    #[arg(long)]
    values: bool,
}

/// An item of a segment as an answer.
struct ItemAnswer<'a> {
    item: SegmentItem<'a>,
    has_value: bool,
}

impl Verb<LocalStore> for InspectVerb {
    fn run(self, target: &mut LocalStore, output: &mut ToolOutput) -> ToolResult {
        let Self { segment, values: has_value } = self;
        let id = segment.to_str().and_then(|text| text.parse().ok());
        let path = match id {
            Some(id) => target.directory().join(Store::segment_file_name(id)),
            None => segment,
        };
        let (mut is_damaged, mut failure) = (false, None);
        Store::inspect_segment(path, |item| {
            is_damaged |= match &item {
                SegmentItem::Damaged { .. } => true,
                SegmentItem::Frame(frame) => frame.damage.is_some(),
                _ => false,
            };
            match output.print(&ItemAnswer { item, has_value }) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        match failure {
            Some(failure) => Err(failure),
            None => Ok(if is_damaged { ToolExit::Damaged } else { ToolExit::Done }),
        }
    }
}

impl ToolAnswer for ItemAnswer<'_> {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.item {
            SegmentItem::Header(header) => write_header(header, out),
            SegmentItem::Frame(frame) => write_frame(frame, out),
            SegmentItem::Record(record) => write_record(record, self.has_value, out),
            SegmentItem::Damaged { offset, bytes, reason } => {
                writeln!(out, "{offset}: damaged, {bytes} bytes: {reason}")
            }
            SegmentItem::Zeros { offset, bytes } => writeln!(out, "{offset}: zeros, {bytes} bytes"),
            _ => Ok(()),
        }
    }

    fn json(&self) -> Option<JsonObject> {
        let object = |kind: &str| JsonObject::new().field("kind", kind);
        match &self.item {
            SegmentItem::Header(header) => Some(header_object(object("header"), header)),
            SegmentItem::Frame(frame) => Some(frame_object(object(frame.kind), frame)),
            SegmentItem::Record(record) => {
                Some(record_object(object(record.kind), record, self.has_value))
            }
            SegmentItem::Damaged { offset, bytes, reason } => {
                let object = object("damaged").field("offset", *offset).field("bytes", *bytes);
                Some(object.field("reason", *reason))
            }
            SegmentItem::Zeros { offset, bytes } => {
                Some(object("zeros").field("offset", *offset).field("bytes", *bytes))
            }
            _ => None,
        }
    }
}

fn write_header(header: &HeaderItem, out: &mut dyn Write) -> io::Result<()> {
    let HeaderItem { id, origin, store, base, durable, previous, .. } = header;
    writeln!(
        out,
        "0: header, segment {id}, {origin}, store {store:032x}, base {base}, durable {durable}, \
         previous {previous}"
    )
}

fn header_object(object: JsonObject, header: &HeaderItem) -> JsonObject {
    let HeaderItem { id, origin, store, base, durable, previous, .. } = header;
    let object = object.field("id", *id).field("origin", *origin);
    let object = object.field("store", format!("{store:032x}")).field("base", *base);
    object.field("durable", *durable).field("previous", *previous)
}

fn write_frame(frame: &FrameItem, out: &mut dyn Write) -> io::Result<()> {
    let FrameItem { offset, bytes, kind, sequence, durable, .. } = frame;
    write!(out, "{offset}: {kind}, {bytes} bytes, sequence {sequence}, durable {durable}")?;
    if *kind == "batch" {
        write!(out, ", records {}", frame.records)?;
    }
    if !frame.replaces.is_empty() {
        let ids: Vec<_> = frame.replaces.iter().map(u64::to_string).collect();
        write!(out, ", segments {}", ids.join(" "))?;
    }
    match frame.damage {
        Some(damage) => writeln!(out, ", damaged: {damage}"),
        None => writeln!(out),
    }
}

fn frame_object(object: JsonObject, frame: &FrameItem) -> JsonObject {
    let FrameItem { offset, bytes, kind, sequence, durable, .. } = frame;
    let object = object.field("offset", *offset).field("bytes", *bytes);
    let mut object = object.field("sequence", *sequence).field("durable", *durable);
    if *kind == "batch" {
        object = object.field("records", frame.records);
    }
    if *kind == "replaces" {
        object = object.field("segments", frame.replaces.clone());
    }
    match frame.damage {
        Some(damage) => object.field("damage", damage),
        None => object,
    }
}

fn write_record(record: &RecordItem<'_>, has_value: bool, out: &mut dyn Write) -> io::Result<()> {
    let RecordItem { offset, bytes, kind, keyspace, key, value, .. } = record;
    let key = key.escape_ascii();
    write!(out, "  {offset}: {kind}, {bytes} bytes, keyspace {keyspace}, key \"{key}\"")?;
    match *kind {
        "put" => {
            if record.value_type > 0 {
                write!(out, ", type {}", record.value_type)?;
            }
            if let Some(time) = record.expires_at {
                write!(out, ", expires at {time}")?;
            }
            write!(out, ", value of {} bytes", value.len())?;
            if has_value {
                write!(out, " \"{}\"", value.escape_ascii())?;
            }
        }
        "remove range" if value.is_empty() => write!(out, ", without end")?,
        "remove range" => write!(out, ", end \"{}\"", value.escape_ascii())?,
        _ => {}
    }
    writeln!(out)
}

fn record_object(object: JsonObject, record: &RecordItem<'_>, has_value: bool) -> JsonObject {
    let RecordItem { offset, bytes, kind, keyspace, key, value, .. } = record;
    let object = object.field("offset", *offset).field("bytes", *bytes);
    let object = object.field("keyspace", *keyspace).bytes("key", key);
    match *kind {
        "put" => {
            let object = object.field("value_type", record.value_type);
            let time = record.expires_at.iter();
            let object = time.fold(object, |object, time| object.field("expires_at", *time));
            let object = object.field("value_bytes", value.len());
            if has_value { object.bytes("value", value) } else { object }
        }
        "remove range" if !value.is_empty() => object.bytes("end", value),
        _ => object,
    }
}
