//! The page about the tools has their verbs and options.

use std::process::Command;

use super::{flags, quoted, read, section};

/// The tools, by the names that the page has for them.
const TOOLS: [(&str, &str); 2] =
    [("kvs", env!("CARGO_BIN_EXE_kvs")), ("kvs-client", env!("CARGO_BIN_EXE_kvs-client"))];

fn help(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the verbs of a help, but for `help` itself.
fn verbs(help: &str) -> Vec<&str> {
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    let names = lines
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    let mut names: Vec<_> = names.filter(|name| *name != "help").collect();
    names.sort_unstable();
    names
}

/// Returns the first cells of the rows of a table that are about a tool.
fn rows<'a>(page: &'a str, heading: &str, tool: &str) -> Vec<&'a str> {
    let table = section(page, heading).lines().filter(|line| line.starts_with("| `"));
    let cells = table.map(|line| line.trim_matches('|').split(" | ").map(str::trim));
    let cells = cells.filter_map(|mut cells| Some((cells.next()?, cells.next()?)));
    cells
        .filter(|(_, of)| *of == "both" || quoted(of).contains(&tool))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn every_verb_of_the_tools_is_listed_with_its_options() {
    let page = read("docs/tool.md");
    for (tool, program) in TOOLS {
        let overview = help(program, &[]);
        let general = flags(&overview);
        assert_eq!(flags(&rows(&page, "## Options of every verb", tool).join("\n")), general);
        let mut listed = Vec::new();
        for row in rows(&page, "## Verbs", tool) {
            let verb = quoted(row)[0].split(' ').next().unwrap();
            let text = help(program, &[verb]);
            let mut of_verb = flags(&text);
            of_verb.retain(|flag| !general.contains(flag));
            assert_eq!(flags(row), of_verb, "{tool} {verb}");
            listed.push(verb);
        }
        listed.sort_unstable();
        assert_eq!(listed, verbs(&overview), "{tool}");
    }
}
