//! The names and signs of Rust source, without comments and literals.

/// A name, a number, `::`, or one other sign.
pub struct Token {
    pub text: String,
    pub line: usize,
}

impl Token {
    /// Returns true for an identifier or a keyword.
    pub fn is_name(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// Splits source into tokens.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while let Some(first) = rest.chars().next() {
        let length = literal_length(rest).unwrap_or_else(|| {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let length = match first {
                c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                _ if rest.starts_with("::") => 2,
                c => c.len_utf8(),
            };
            if !first.is_whitespace() {
                tokens.push(Token { text: rest[..length].to_owned(), line });
            }
            length
        });
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// Returns the length of a comment, a string, a character or a lifetime at the start of a text.
fn literal_length(text: &str) -> Option<usize> {
    let end = |start: usize, what: &str| {
        text[start..].find(what).map_or(text.len(), |at| start + at + what.len())
    };
    if text.starts_with("//") {
        return Some(end(2, "\n"));
    }
    if text.starts_with("/*") {
        return Some(end(2, "*/"));
    }
    let body = text.strip_prefix('b').unwrap_or(text);
    let prefix = text.len() - body.len();
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            return Some(end(prefix + 1 + hashes + 1, &close));
        }
    }
    match body.chars().next()? {
        '"' => Some(prefix + quoted_length(body, '"')),
        '\'' if is_character(body) => Some(prefix + quoted_length(body, '\'')),
        '\'' => Some(1 + body[1..].find(|c: char| !c.is_alphanumeric() && c != '_')?),
        _ => None,
    }
}

/// Returns true if a text begins with a character and not with a lifetime.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

fn quoted_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    text.len()
}
