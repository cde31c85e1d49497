//! The form in which a command is described.

use super::{Request, Result};

/// All there is to say about a command.
pub struct Command {
    pub name: &'static str,
    pub group: Group,
    pub summary: &'static str,
    /// The version of the module it came with.
    pub since: &'static str,
    pub complexity: &'static str,
    /// Number of words with the command's own; negative: at least so many.
    pub arity: i32,
    pub flags: &'static [Flag],
    pub args: &'static [Arg],
    /// What it replies.
    pub reply: &'static str,
    /// A call that works.
    pub example: &'static str,
    pub run: fn(&Request) -> Result,
}

impl Command {
    /// It changes definitions or windows, so replicas and the AOF have to get it too.
    pub fn writes(&self) -> bool {
        self.flags.contains(&Flag::Write)
    }

    /// The flags as the server takes them.
    pub fn flag_names(&self) -> String {
        let names: Vec<_> = self.flags.iter().map(|flag| flag.name()).collect();
        names.join(" ")
    }

    /// The ACL categories that follow from the flags.
    pub fn acl_categories(&self) -> Vec<&'static str> {
        let has = |flag| self.flags.contains(&flag);
        let mut categories = vec![
            if has(Flag::Write) { "write" } else { "read" },
            if has(Flag::Fast) { "fast" } else { "slow" },
        ];
        if has(Flag::Blocking) {
            categories.push("blocking");
        }
        if has(Flag::Admin) {
            categories.extend(["admin", "dangerous"]);
        }
        categories
    }
}

/// The sections of the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Domains,
    Rules,
    Saccules,
    Server,
}

impl Group {
    /// In the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Domains, Self::Rules, Self::Saccules, Self::Server];

    /// The section's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Domains => "Domains",
            Self::Rules => "Rules",
            Self::Saccules => "Saccules",
            Self::Server => "Figures and help",
        }
    }
}

/// What the server has to know about a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    Write,
    DenyOom,
    ReadOnly,
    Fast,
    AllowLoading,
    AllowStale,
    Admin,
    /// The client may have to wait.
    Blocking,
}

impl Flag {
    fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::DenyOom => "deny-oom",
            Self::ReadOnly => "readonly",
            Self::Fast => "fast",
            Self::AllowLoading => "allow-loading",
            Self::AllowStale => "allow-stale",
            Self::Admin => "admin",
            Self::Blocking => "blocking",
        }
    }
}

/// An argument.
pub struct Arg {
    pub name: &'static str,
    pub kind: Kind,
    /// The keyword in front of it.
    pub token: Option<&'static str>,
    pub optional: bool,
    /// It may be given several times in a row.
    pub multiple: bool,
    pub summary: &'static str,
}

/// What an argument is.
pub enum Kind {
    Text,
    Pattern,
    Integer,
    /// The keyword alone.
    Token,
    /// One of these.
    OneOf(&'static [Arg]),
}

impl Arg {
    /// A required argument without keyword.
    pub const fn new(name: &'static str, kind: Kind, summary: &'static str) -> Self {
        Self {
            name,
            kind,
            token: None,
            optional: false,
            multiple: false,
            summary,
        }
    }

    /// A keyword that stands alone.
    pub const fn token(name: &'static str, token: &'static str, summary: &'static str) -> Self {
        Self::new(name, Kind::Token, summary).after(token)
    }

    /// The same with a keyword in front.
    pub const fn after(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    /// The same, but it can be left out.
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The same, but several can be given.
    pub const fn multiple(mut self) -> Self {
        self.multiple = true;
        self
    }
}
