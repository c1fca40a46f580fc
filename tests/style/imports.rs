//! The graph of the files of `src/` that use one another, made from `use` declarations and from
//! paths in code.
//!
//! A path is followed to the file that defines its item, through what a `mod.rs` hands on. So a
//! file that only declares its children and hands on their names uses nothing and is used by
//! nobody. Calls of methods are not seen, because they name no file.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::source::TextFile;
use super::tokens::{Token, tokens};

/// Keywords in front of a name that a file defines.
const ITEMS: &[&str] =
    &["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro_rules"];

/// A name that a file takes from elsewhere.
struct Import {
    path: Vec<String>,
    line: usize,
    is_public: bool,
}

/// A module that has a file of its own.
#[derive(Default)]
struct Module {
    file: String,
    items: HashSet<String>,
    imports: HashMap<String, Vec<Import>>,
    globs: Vec<Import>,
    /// Paths in the code outside of `use` declarations, with their lines.
    paths: Vec<(Vec<String>, usize)>,
}

impl Module {
    fn parse(file: &TextFile) -> Self {
        let tokens = tokens(file.without_tests());
        let mut module = Self { file: file.path.clone(), ..Self::default() };
        let mut at = 0;
        while at < tokens.len() {
            let before = at.checked_sub(1).map_or("", |i| tokens[i].text.as_str());
            let token = &tokens[at];
            // `use<'a>` is a bound.
            let is_bound = tokens.get(at + 1).is_some_and(|token| token.text == "<");
            if token.text == "use" && !is_bound {
                let is_public = before == "pub" || before == ")";
                at = module.parse_use(&tokens, at + 1, &mut Vec::new(), is_public);
            } else if ITEMS.contains(&token.text.as_str()) {
                let name = tokens[at + 1..].iter().find(|token| token.text != "!");
                module.items.extend(name.map(|token| token.text.clone()));
                at += 1;
            } else if token.is_name() {
                let mut path = vec![token.text.clone()];
                let line = token.line;
                while tokens.get(at + 1).is_some_and(|token| token.text == "::")
                    && tokens.get(at + 2).is_some_and(Token::is_name)
                {
                    path.push(tokens[at + 2].text.clone());
                    at += 2;
                }
                // `pub(in super::super)` names a place and uses nothing of it.
                if path.len() > 1 && !["::", ".", "in"].contains(&before) {
                    module.paths.push((path, line));
                }
                at += 1;
            } else {
                at += 1;
            }
        }
        module
    }

    /// Adds the names of one tree of a `use` declaration, and returns the position behind it.
    fn parse_use(
        &mut self,
        tokens: &[Token],
        mut at: usize,
        path: &mut Vec<String>,
        is_public: bool,
    ) -> usize {
        let depth = path.len();
        let line = tokens[at].line;
        let mut alias = None;
        let mut is_group = false;
        while at < tokens.len() {
            match tokens[at].text.as_str() {
                "{" => {
                    is_group = true;
                    at += 1;
                    while tokens[at].text != "}" {
                        at = self.parse_use(tokens, at, path, is_public);
                        at += usize::from(tokens[at].text == ",");
                    }
                }
                "," | "}" | ";" => break,
                "as" => alias = Some(tokens[at + 1].text.clone()),
                "*" => path.push("*".to_owned()),
                _ if alias.is_none() && tokens[at].is_name() => {
                    path.push(tokens[at].text.clone());
                }
                _ => {}
            }
            at += 1;
        }
        if !is_group {
            self.import(path.clone(), alias, line, is_public);
        }
        path.truncate(depth);
        at
    }

    fn import(&mut self, mut path: Vec<String>, alias: Option<String>, line: usize, public: bool) {
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let Some(last) = path.last().cloned() else {
            return;
        };
        if last == "*" {
            path.pop();
            self.globs.push(Import { path, line, is_public: public });
        } else {
            let import = Import { path, line, is_public: public };
            self.imports.entry(alias.unwrap_or(last)).or_default().push(import);
        }
    }
}

/// The target of a path.
#[derive(Clone, Copy, PartialEq)]
enum Target<'a> {
    Module(&'a str),
    Item { of: &'a str },
}

/// The modules of a crate by their paths, such as `storage::index`; the root's is empty.
struct Modules(BTreeMap<String, Module>);

impl Modules {
    fn parse(files: &[TextFile]) -> Self {
        let modules = files.iter().filter_map(|file| {
            let path = file.source_path()?.strip_suffix(".rs")?;
            // A binary is a crate by itself, above all layers.
            if path.starts_with("bin/") {
                return None;
            }
            let path = path.strip_suffix("/mod").unwrap_or(path);
            let name = if path == "lib" { String::new() } else { path.replace('/', "::") };
            Some((name, Module::parse(file)))
        });
        Self(modules.collect())
    }

    fn child<'a>(&'a self, module: &str, name: &str) -> Option<&'a str> {
        let path = if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") };
        self.0.get_key_value(&path).map(|(path, _)| path.as_str())
    }

    fn parent<'a>(&'a self, module: &str) -> Option<&'a str> {
        let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
        self.0.get_key_value(parent).map(|(path, _)| path.as_str())
    }

    /// Follows a path that stands in a module; `None` if it leads out of the crate.
    fn resolve<'a>(&'a self, module: &'a str, path: &[String], depth: usize) -> Option<Target<'a>> {
        let (mut at, mut rest) = (module, path);
        match path.first()?.as_str() {
            "crate" => (at, rest) = ("", &path[1..]),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    (at, rest) = (self.parent(at)?, &rest[1..]);
                }
            }
            name if self.child(at, name).is_some() || self.0[at].imports.contains_key(name) => {}
            _ => return None,
        }
        while let Some((name, behind)) = rest.split_first() {
            let Some(child) = self.child(at, name) else {
                return self.resolve_item(at, name, behind, depth);
            };
            (at, rest) = (child, behind);
        }
        Some(Target::Module(at))
    }

    /// Finds the module that defines a name of a module, with the path behind the name.
    fn resolve_item<'a>(
        &'a self,
        module: &'a str,
        name: &str,
        behind: &[String],
        depth: usize,
    ) -> Option<Target<'a>> {
        let here = &self.0[module];
        if here.items.contains(name) || depth > 8 {
            return Some(Target::Item { of: module });
        }
        if let Some(imports) = here.imports.get(name) {
            return imports.iter().find_map(|import| {
                // A name that stands for itself comes from another crate.
                let path: Vec<_> = import.path.iter().chain(behind).cloned().collect();
                (import.path != [name]).then(|| self.resolve(module, &path, depth + 1)).flatten()
            });
        }
        let globs = here.globs.iter().filter_map(|glob| {
            match self.resolve(module, &glob.path, depth + 1)? {
                Target::Module(of) if self.0[of].items.contains(name) => Some(Target::Item { of }),
                _ => None,
            }
        });
        globs.into_iter().next().or(Some(Target::Item { of: module }))
    }

    /// Returns the modules that a module uses, with the line of the first use of each.
    fn uses<'a>(&'a self, name: &'a str) -> BTreeMap<&'a str, usize> {
        let module = &self.0[name];
        let mut uses = BTreeMap::new();
        let mut add = |of: &'a str, line: usize| {
            if of != name {
                uses.entry(of)
                    .and_modify(|first: &mut usize| *first = line.min(*first))
                    .or_insert(line);
            }
        };
        for import in module.imports.values().flatten() {
            if let Some(Target::Item { of }) = self.resolve(name, &import.path, 0)
                && !(import.is_public && is_below(of, name))
            {
                add(of, import.line);
            }
        }
        for glob in &module.globs {
            if let Some(Target::Module(of) | Target::Item { of }) =
                self.resolve(name, &glob.path, 0)
                && !(glob.is_public && is_below(of, name))
            {
                add(of, glob.line);
            }
        }
        for (path, line) in &module.paths {
            if let Some(Target::Item { of }) = self.resolve(name, path, 0) {
                add(of, *line);
            }
        }
        uses
    }
}

fn is_below(module: &str, other: &str) -> bool {
    other.is_empty() || module.strip_prefix(other).is_some_and(|rest| rest.starts_with("::"))
}

/// Returns, for each file that uses itself through others, the shortest way back to it.
pub fn circles(files: &[TextFile]) -> Vec<String> {
    let modules = Modules::parse(files);
    let uses: BTreeMap<_, _> =
        modules.0.keys().map(|name| (name.as_str(), modules.uses(name))).collect();
    let mut circles = Vec::new();
    for start in uses.keys() {
        let mut before: HashMap<&str, &str> = HashMap::new();
        let mut queue = VecDeque::from([*start]);
        while let Some(module) = queue.pop_front() {
            for used in uses[module].keys() {
                if !before.contains_key(used) {
                    before.insert(used, module);
                    queue.push_back(used);
                }
            }
        }
        if !before.contains_key(start) {
            continue;
        }
        let mut steps = Vec::new();
        let mut to = *start;
        loop {
            let from = before[to];
            let line = uses[from][to];
            steps.push(format!("{}:{line} uses {}", modules.0[from].file, modules.0[to].file));
            to = from;
            if to == *start {
                break;
            }
        }
        steps.reverse();
        circles.push(format!("{}: move what both need to a third file", steps.join(", ")));
    }
    circles
}
