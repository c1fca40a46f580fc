//! Objects of JSON, and the form of bytes in them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// An object of JSON on one line, with its fields in the order in which they were added.
///
/// Keys and values of a store are bytes, and JSON has only text. So a field of bytes has one of two
/// names: `key` if the bytes are UTF-8, with that text, and `key_base64` if they are not, with the
/// bytes in base64 (RFC 4648, with padding).
#[derive(Debug)]
pub struct JsonObject {
    /// The text up to the closing brace.
    text: String,
}

impl JsonObject {
    /// Returns an object without fields.
    pub fn new() -> Self {
        Self { text: "{".to_owned() }
    }

    /// Adds a field.
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        self.text.push_str(&Value::from(name).to_string());
        self.text.push(':');
        self.text.push_str(&value.into().to_string());
        self
    }

    /// Adds a field of bytes, under its name or that with `_base64` behind it.
    pub fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        match str::from_utf8(bytes) {
            Ok(text) => self.field(name, text),
            Err(_) => self.field(&format!("{name}_base64"), STANDARD.encode(bytes)),
        }
    }
}

impl fmt::Display for JsonObject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}}}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_where_they_can_be() {
        let object = JsonObject::new().bytes("key", b"a\"\n\xC3\xA4").bytes("value", b"\xFF\x00");
        let text = object.field("n", 7).to_string();
        assert_eq!(text, r#"{"key":"a\"\nä","value_base64":"/wA=","n":7}"#);
        assert_eq!(JsonObject::new().to_string(), "{}");
    }
}
