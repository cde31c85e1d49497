//! What the table says, as lines of help and, in the tests, as the page `docs/commands.md`.

use super::spec::{Arg, Command, Group, Kind};
use super::table::COMMANDS;

/// How a command is written: `LEAFLET.RULE.DEL rule [DOMAIN domain]`.
pub fn usage(command: &Command) -> String {
    let mut words = vec![command.name.to_string()];
    words.extend(command.args.iter().map(argument));
    words.join(" ")
}

fn argument(arg: &Arg) -> String {
    let value = match arg.kind {
        Kind::Token => None,
        Kind::OneOf(choices) => Some(choices.iter().map(argument).collect::<Vec<_>>().join("|")),
        _ if arg.multiple => Some(format!("{0} [{0} ...]", arg.name)),
        _ => Some(arg.name.to_string()),
    };
    let words: Vec<_> = arg
        .token
        .map(String::from)
        .into_iter()
        .chain(value)
        .collect();
    let words = words.join(" ");
    if arg.optional {
        format!("[{words}]")
    } else {
        words
    }
}

/// One line for each command.
pub fn overview() -> Vec<String> {
    let mut lines = vec!["Leaflet: complex event processing on streams. Commands:".to_string()];
    for group in Group::ALL {
        lines.push(format!("{}:", group.title()));
        for command in COMMANDS.iter().filter(|command| command.group == group) {
            lines.push(format!("    {}", usage(command)));
            lines.push(format!("        {}", plain(command.summary)));
        }
    }
    lines.push("LEAFLET.HELP <command> shows one of them in full.".into());
    lines
}

/// Everything about one command.
pub fn help(command: &Command) -> Vec<String> {
    let mut lines = vec![usage(command), format!("    {}", plain(command.summary))];
    for (arg, depth) in flattened(command) {
        lines.push(format!(
            "{}{}: {}",
            "    ".repeat(depth + 2),
            label(arg),
            plain(arg.summary)
        ));
    }
    lines.push(format!("Replies {}.", plain(command.reply)));
    lines.push(format!("Takes {}.", command.complexity));
    lines.push(format!("Example: {}", command.example));
    lines
}

/// A command's arguments, each followed by its choices, with how deep they stand.
fn flattened(command: &Command) -> Vec<(&'static Arg, usize)> {
    let mut flat = Vec::new();
    for arg in command.args {
        flat.push((arg, 0));
        if let Kind::OneOf(choices) = arg.kind {
            flat.extend(choices.iter().map(|choice| (choice, 1)));
        }
    }
    flat
}

fn label(arg: &Arg) -> &'static str {
    match arg.kind {
        Kind::Token => arg.token.unwrap_or(arg.name),
        Kind::OneOf(_) => arg.token.unwrap_or(arg.name),
        _ => arg.name,
    }
}

fn plain(text: &str) -> String {
    text.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::super::table::find;
    use super::*;
    use std::path::Path;

    /// The page `docs/commands.md`.
    fn page() -> String {
        let mut page = String::from(
            "# Commands\n\nThis page is written by the module's own table of commands, as `COMMAND DOCS` and \
             `LEAFLET.HELP` are.\n\nWrites reply `OK`. A map is a RESP3 map, and in RESP2 the flat array of names and \
             values; the order of the names is fixed. Errors read `ERR LEAFLET: ` and one line. No command declares keys. \
             All are in the ACL category `@leaflet` (on servers that let modules have one) and in those named below. Who defines or changes \
             a domain or a rule needs the right to read the domain's axons and to write its output.\n",
        );
        for group in Group::ALL {
            page.push_str(&format!("\n## {}\n", group.title()));
            for command in COMMANDS.iter().filter(|command| command.group == group) {
                page.push_str(&section(command));
            }
        }
        page
    }

    fn section(command: &Command) -> String {
        let mut text = format!(
            "\n### {}\n\n```\n{}\n```\n\n{}\n",
            command.name,
            usage(command),
            command.summary
        );
        if !command.args.is_empty() {
            text.push('\n');
        }
        for (arg, depth) in flattened(command) {
            text.push_str(&format!(
                "{}- `{}`: {}\n",
                "  ".repeat(depth),
                label(arg),
                arg.summary
            ));
        }
        let categories: Vec<_> = command
            .acl_categories()
            .iter()
            .map(|category| format!("`@{category}`"))
            .collect();
        text.push_str(&format!(
            "\nReplies {}.\n\nSince {}. {}. Flags: {}. ACL: {}.\n\n```\n> {}\n```\n",
            command.reply,
            command.since,
            command.complexity,
            command.flag_names(),
            categories.join(", "),
            command.example
        ));
        text
    }

    #[test]
    fn usage_shows_optional_repeated_and_alternative_arguments() {
        assert_eq!(
            usage(find("RULE.ADD").unwrap()),
            "LEAFLET.RULE.ADD rule text [DOMAIN domain] [REPLACE] [PAUSED]"
        );
        assert_eq!(
            usage(find("DOMAIN.CREATE").unwrap()),
            "LEAFLET.DOMAIN.CREATE name [AXONS glob [glob ...]] [OUTPUT output] [TIME ID|FIELD field] [LATENESS lateness] [CONSISTENCY STRONG] \
             [MAXLEN maxlen] [SOURCES JSON|CSV] [REJECTED rejected]"
        );
    }

    #[test]
    fn help_is_made_of_single_lines() {
        for command in &COMMANDS {
            for line in help(command) {
                assert!(!line.chars().any(char::is_control), "{line}");
            }
        }
        assert_eq!(overview().len(), 2 * COMMANDS.len() + Group::ALL.len() + 2);
    }

    /// With `UPDATE_DOCS` in the environment the page is written instead.
    #[test]
    fn the_page_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, page()).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap();
        assert!(
            found == page(),
            "docs/commands.md is out of date: UPDATE_DOCS=1 cargo test --lib page"
        );
    }
}
