//! A command's description in the form the server takes it in for `COMMAND DOCS`.

use super::spec::{Arg, Command, Kind};
use crate::redis::ffi::c_line;
use redis_module::raw;
use std::ffi::{c_char, c_int, CString};
use std::ptr::{null, null_mut};

/// Owns all that a `RedisModuleCommandInfo` points to. The server copies what it reads.
pub struct Signature {
    arity: i32,
    summary: CString,
    complexity: CString,
    since: CString,
    version: raw::RedisModuleCommandInfoVersion,
    owned: Owned,
}

#[derive(Default)]
struct Owned {
    texts: Vec<CString>,
    lists: Vec<Box<[raw::RedisModuleCommandArg]>>,
}

impl Signature {
    /// Translates a description.
    pub fn new(command: &Command) -> Self {
        let mut owned = Owned::default();
        owned.list(command.args);
        Self {
            arity: command.arity,
            summary: c_line(command.summary),
            complexity: c_line(command.complexity),
            since: c_line(command.since),
            version: raw::RedisModuleCommandInfoVersion {
                version: 1,
                sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
                sizeof_keyspec: size_of::<raw::RedisModuleCommandKeySpec>(),
                sizeof_arg: size_of::<raw::RedisModuleCommandArg>(),
            },
            owned,
        }
    }

    /// The server's structure; valid as long as this signature.
    pub fn info(&self) -> raw::RedisModuleCommandInfo {
        raw::RedisModuleCommandInfo {
            version: &self.version,
            summary: self.summary.as_ptr(),
            complexity: self.complexity.as_ptr(),
            since: self.since.as_ptr(),
            history: null_mut(),
            tips: null(),
            arity: self.arity,
            key_specs: null_mut(),
            // The list that was finished last is the outermost; the server only reads it.
            args: (self.owned.lists.last()).map_or(null_mut(), |list| list.as_ptr().cast_mut()),
        }
    }
}

impl Owned {
    fn text(&mut self, text: &str) -> *const c_char {
        let text = c_line(text);
        let start = text.as_ptr();
        self.texts.push(text);
        start
    }

    /// A list of arguments, ended by one without a name.
    fn list(&mut self, args: &[Arg]) -> *mut raw::RedisModuleCommandArg {
        let mut list: Vec<_> = args.iter().map(|arg| self.argument(arg)).collect();
        list.push(END);
        let mut list = list.into_boxed_slice();
        let start = list.as_mut_ptr();
        self.lists.push(list);
        start
    }

    fn argument(&mut self, arg: &Arg) -> raw::RedisModuleCommandArg {
        let mut flags = raw::REDISMODULE_CMD_ARG_NONE;
        if arg.optional {
            flags |= raw::REDISMODULE_CMD_ARG_OPTIONAL;
        }
        if arg.multiple {
            flags |= raw::REDISMODULE_CMD_ARG_MULTIPLE;
        }
        raw::RedisModuleCommandArg {
            name: self.text(arg.name),
            type_: match arg.kind {
                Kind::Text => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING,
                Kind::Pattern => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PATTERN,
                Kind::Integer => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_INTEGER,
                Kind::Token => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PURE_TOKEN,
                Kind::OneOf(_) => raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_ONEOF,
            },
            token: arg.token.map_or(null(), |token| self.text(token)),
            summary: self.text(arg.summary),
            flags: flags as c_int,
            subargs: match arg.kind {
                Kind::OneOf(choices) => self.list(choices),
                _ => null_mut(),
            },
            ..END
        }
    }
}

const END: raw::RedisModuleCommandArg = raw::RedisModuleCommandArg {
    name: null(),
    type_: raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING,
    key_spec_index: -1,
    token: null(),
    summary: null(),
    since: null(),
    flags: 0,
    deprecated_since: null(),
    subargs: null_mut(),
    display_text: null(),
};

#[cfg(test)]
mod tests {
    use super::super::table::COMMANDS;
    use super::*;

    fn lists(args: &[Arg]) -> usize {
        let choices = args.iter().map(|arg| match arg.kind {
            Kind::OneOf(choices) => lists(choices),
            _ => 0,
        });
        1 + choices.sum::<usize>()
    }

    #[test]
    fn every_list_is_kept_and_ended() {
        for command in &COMMANDS {
            let signature = Signature::new(command);
            assert_eq!(signature.owned.lists.len(), lists(command.args));
            let last = signature.owned.lists.last().unwrap();
            assert_eq!(last.as_ptr(), signature.info().args.cast_const());
            assert_eq!(last.len(), command.args.len() + 1);
            for list in &signature.owned.lists {
                let (end, args) = list.split_last().unwrap();
                assert!(end.name.is_null() && args.iter().all(|arg| !arg.name.is_null()));
            }
        }
    }
}
