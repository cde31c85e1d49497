//! From the parsed rule to its program: names become numbers, WHERE becomes a list of conditions.

use super::ast;
use super::check::atoms_of;
use super::names::Names;
use super::program::{Atom, AtomSet, AxonPattern, Condition, Limit, Node, Program, MAX_ATOMS};
use super::words;
use crate::engine::expr::{Expr, LikePattern};
use crate::engine::field::FieldRef;
use crate::engine::like;
use crate::engine::value::{format_number, Value};
use crate::engine::{Error, Result};

/// Compiles a rule that the parser has accepted.
///
/// # Errors
/// Names that no atom has, bare fields where a name must stand in front, and constructs this version does not run.
pub fn compile(rule: &ast::Rule) -> Result<Program> {
    match rule {
        ast::Rule::Match(rule) => compile_match(rule),
        ast::Rule::Integrate(_) => Err(unsupported(ast::Column(1), "INTEGRATE")),
    }
}

fn unsupported(column: ast::Column, what: &str) -> Error {
    Error::at(column, format!("{what} is not supported by this version"))
}

fn compile_match(rule: &ast::Match) -> Result<Program> {
    if let Some(select @ (ast::Select::First | ast::Select::All)) = rule.select {
        let select = words::spelling(&words::SELECTS, select);
        return Err(Error::new(format!(
            "SELECT {select} is not supported by this version"
        )));
    }
    let mut compiler = Compiler {
        atoms: Vec::new(),
        names: Names::new(&atoms_of(&rule.pattern)),
        fields: Vec::new(),
        kept: Vec::new(),
    };
    let tree = compiler.pattern(&rule.pattern)?;

    let mut atoms = std::mem::take(&mut compiler.atoms);
    // What only a trigger can fill is never waited for, and need not be kept.
    let waiting = tree.atoms() & !last_only(&tree);
    let mut buffers = 0;
    for (i, atom) in atoms.iter_mut().enumerate() {
        if waiting & (1 << i) != 0 {
            atom.buffer = Some(buffers);
            buffers += 1;
        }
    }

    let mut conditions = Vec::new();
    if let Some(filter) = &rule.filter {
        for part in conjuncts(filter) {
            let expr = compiler.expr(part, See::Match)?;
            let mut reads = 0;
            atoms_read(&expr, &mut reads);
            conditions.push(Condition { expr, atoms: reads });
        }
    }
    let partition_by = rule
        .partition_by
        .iter()
        .map(|path| compiler.field(&path.segments, Read::AsItComes))
        .collect();
    let having = rule
        .having
        .as_ref()
        .map(|expr| compiler.expr(expr, See::Match))
        .transpose()?;
    let (mut value, mut confidence, mut emit) = (None, None, Vec::new());
    for item in &rule.emit {
        let expr = compiler.expr(&item.expr, See::Match)?;
        match item.field.as_str() {
            "value" => value = Some(expr),
            "confidence" => confidence = Some(expr),
            field => emit.push((field.into(), expr)),
        }
    }
    Ok(Program {
        atoms,
        tree,
        buffers,
        conditions,
        partition_by,
        within: millis(rule.within)?,
        consume: rule.consume.unwrap_or(ast::Consume::Matched),
        having,
        limit: rule
            .limit
            .map(|limit| {
                Ok(Limit {
                    count: limit.count,
                    per: millis(limit.per)?,
                })
            })
            .transpose()?,
        value,
        confidence,
        emit,
        fields: compiler.fields,
        kept: compiler.kept,
    })
}

fn millis(duration: ast::Duration) -> Result<u64> {
    duration
        .millis()
        .ok_or_else(|| Error::new(format!("the duration {duration} is too long")))
}

/// The atoms that can only ever take a match's last event.
fn last_only(node: &Node) -> AtomSet {
    match node {
        Node::Atom(atom) => 1 << atom,
        Node::Seq(nodes) => nodes.last().map_or(0, last_only),
        Node::Or(nodes) => nodes.iter().fold(0, |set, node| set | last_only(node)),
        Node::And(_) => 0,
    }
}

/// The parts of an expression that are joined by AND, from left to right.
fn conjuncts(expr: &ast::Expr) -> Vec<&ast::Expr> {
    match expr {
        ast::Expr::Binary(ast::BinaryOp::And, left, right) => {
            let mut parts = conjuncts(left);
            parts.extend(conjuncts(right));
            parts
        }
        other => vec![other],
    }
}

fn atoms_read(expr: &Expr, set: &mut AtomSet) {
    match expr {
        Expr::Field {
            atom: Some(atom), ..
        } => *set |= 1 << atom,
        Expr::Const(_) | Expr::Field { atom: None, .. } => {}
        Expr::Aggregate { over, .. } => *set |= over.map_or(AtomSet::MAX, |atom| 1 << atom),
        Expr::Negate(e) | Expr::Not(e) | Expr::IsNull { expr: e, .. } => atoms_read(e, set),
        Expr::Binary(_, a, b) => [a, b].into_iter().for_each(|e| atoms_read(e, set)),
        Expr::In { expr, list, .. } => std::iter::once(&**expr)
            .chain(list)
            .for_each(|e| atoms_read(e, set)),
        Expr::Between {
            expr, low, high, ..
        } => [expr, low, high]
            .into_iter()
            .for_each(|e| atoms_read(e, set)),
        Expr::Like { expr, pattern, .. } => {
            atoms_read(expr, set);
            if let LikePattern::Computed(pattern, _) = pattern {
                atoms_read(pattern, set);
            }
        }
        Expr::Call(_, args) => args.iter().for_each(|e| atoms_read(e, set)),
    }
}

/// What an expression may name.
#[derive(Clone, Copy, PartialEq)]
enum See {
    /// The event at hand: bare fields.
    Event,
    /// The events of the match, by the names of their atoms.
    Match,
}

/// When a field is read.
#[derive(Clone, Copy, PartialEq)]
enum Read {
    AsItComes,
    Later,
}

struct Compiler {
    atoms: Vec<Atom>,
    names: Names,
    fields: Vec<FieldRef>,
    kept: Vec<u16>,
}

impl Compiler {
    fn pattern(&mut self, pattern: &ast::Pattern) -> Result<Node> {
        let all = |this: &mut Self, list: &[ast::Pattern]| {
            list.iter()
                .map(|p| this.pattern(p))
                .collect::<Result<Vec<_>>>()
        };
        Ok(match pattern {
            ast::Pattern::Seq(list) => Node::Seq(all(self, list)?),
            ast::Pattern::And(list) => Node::And(all(self, list)?),
            ast::Pattern::Or(list) => Node::Or(all(self, list)?),
            ast::Pattern::Of { column, .. } => return Err(unsupported(*column, "OF")),
            ast::Pattern::Not { column, .. } => {
                return Err(unsupported(*column, "NOT in a pattern"))
            }
            ast::Pattern::Atom(atom) => {
                if atom.quantifier.is_some() {
                    return Err(unsupported(atom.column, "repetition"));
                }
                if self.atoms.len() == MAX_ATOMS {
                    return Err(Error::at(
                        atom.column,
                        format!("a rule can have at most {MAX_ATOMS} atoms"),
                    ));
                }
                let predicate = atom
                    .predicate
                    .as_ref()
                    .map(|e| self.expr(e, See::Event))
                    .transpose()?;
                self.atoms.push(Atom {
                    event_type: atom.event_type.as_deref().map(Into::into),
                    axon: atom.axon.as_deref().map(AxonPattern::new),
                    predicate,
                    buffer: None,
                });
                Node::Atom((self.atoms.len() - 1) as u8)
            }
        })
    }

    /// The number of a field of the rule.
    fn field(&mut self, segments: &[String], read: Read) -> u16 {
        let field = FieldRef::new(segments);
        let number = match self.fields.iter().position(|known| *known == field) {
            Some(number) => number,
            None => {
                self.fields.push(field);
                self.fields.len() - 1
            }
        } as u16;
        if read == Read::Later && !self.kept.contains(&number) {
            self.kept.push(number);
        }
        number
    }

    fn expr(&mut self, expr: &ast::Expr, see: See) -> Result<Expr> {
        Ok(match expr {
            ast::Expr::Text(text) => Expr::Const(Value::Text(text.clone().into_bytes().into())),
            ast::Expr::Number(n) => Expr::Const(Value::Number(*n)),
            ast::Expr::Bool(b) => Expr::Const(Value::Bool(*b)),
            ast::Expr::Null => Expr::Const(Value::Null),
            ast::Expr::Path(path) => match see {
                See::Event => Expr::Field {
                    atom: None,
                    field: self.field(&path.segments, Read::AsItComes),
                },
                See::Match => {
                    let (atom, field) = self.names.resolve(path)?;
                    if field.is_empty() {
                        let message = format!(
                            "expected a field after the name, as in {0}.value, found '{0}'",
                            path.segments.join(".")
                        );
                        return Err(Error::at(path.column, message));
                    }
                    Expr::Field {
                        atom: Some(atom),
                        field: self.field(field, Read::Later),
                    }
                }
            },
            ast::Expr::Negate(e) => Expr::Negate(self.boxed(e, see)?),
            ast::Expr::Not(e) => Expr::Not(self.boxed(e, see)?),
            ast::Expr::Binary(op, a, b) => {
                Expr::Binary(*op, self.boxed(a, see)?, self.boxed(b, see)?)
            }
            ast::Expr::In {
                expr,
                list,
                negated,
            } => Expr::In {
                expr: self.boxed(expr, see)?,
                list: list
                    .iter()
                    .map(|e| self.expr(e, see))
                    .collect::<Result<_>>()?,
                negated: *negated,
            },
            ast::Expr::Between {
                expr,
                low,
                high,
                negated,
            } => Expr::Between {
                expr: self.boxed(expr, see)?,
                low: self.boxed(low, see)?,
                high: self.boxed(high, see)?,
                negated: *negated,
            },
            ast::Expr::Like {
                expr,
                pattern,
                escape,
                negated,
            } => Expr::Like {
                expr: self.boxed(expr, see)?,
                pattern: match &**pattern {
                    ast::Expr::Text(text) => {
                        LikePattern::Compiled(like::Pattern::new(text, *escape))
                    }
                    ast::Expr::Number(n) => {
                        LikePattern::Compiled(like::Pattern::new(&format_number(*n), *escape))
                    }
                    computed => LikePattern::Computed(self.boxed(computed, see)?, *escape),
                },
                negated: *negated,
            },
            ast::Expr::IsNull { expr, negated } => Expr::IsNull {
                expr: self.boxed(expr, see)?,
                negated: *negated,
            },
            ast::Expr::Call { function, args, .. } => Expr::Call(
                *function,
                args.iter()
                    .map(|e| self.expr(e, see))
                    .collect::<Result<_>>()?,
            ),
            ast::Expr::Aggregate {
                aggregate, over, ..
            } => {
                let (over, field) = match over {
                    ast::Over::All(path) => (None, &path[..]),
                    ast::Over::Name(path) => {
                        let (atom, field) = self.names.resolve(path)?;
                        (Some(atom), field)
                    }
                };
                let field = (!field.is_empty()).then(|| self.field(field, Read::Later));
                Expr::Aggregate {
                    aggregate: *aggregate,
                    over,
                    field,
                }
            }
        })
    }

    fn boxed(&mut self, expr: &ast::Expr, see: See) -> Result<Box<Expr>> {
        self.expr(expr, see).map(Box::new)
    }
}
