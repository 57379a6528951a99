//! The grammar: tokens to a tree, by recursive descent.
//!
//! ```text
//! text    = { name "=" sum ";" } sum [ ";" ]
//! sum     = product { ("+" | "-") product }
//! product = unary { ("*" | "/") unary }
//! unary   = "-" unary | "+" unary | power
//! power   = postfix [ "^" unary ]
//! postfix = primary { "[" sum { "," sum } "]" }
//! primary = number | name [ "(" sum { "," sum } ")" ] | "(" sum ")" | "[" sum { "," sum } "]"
//! ```
//!
//! Terms of a sum and factors of a product are one node, so that the tree is only as deep as brackets are.

use std::ops::Range;

use super::error::{ExpressionErrorKind, Fault};
use super::token::{Token, tokens};

/// Most levels of brackets, signs and powers inside each other.
pub(super) const DEEPEST: usize = 64;

/// A part of an energy and its place in the text.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) span: Range<usize>,
    pub(super) kind: NodeKind<'t>,
}

#[derive(Debug)]
pub(super) enum NodeKind<'t> {
    Number(f64),
    Name(&'t str),
    Negation(Box<Node<'t>>),
    /// `first ∘ a ∘ b …` from the left, with operators of one precedence.
    Chain(Box<Node<'t>>, Vec<(Operator, Node<'t>)>),
    Power(Box<Node<'t>>, Box<Node<'t>>),
    /// `list[i][j]`, also written `list[i, j]`.
    Entry(Box<Node<'t>>, Vec<Node<'t>>),
    List(Vec<Node<'t>>),
    Call {
        name: &'t str,
        name_span: Range<usize>,
        arguments: Vec<Node<'t>>,
    },
}

/// An operator between two terms or two factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
    Times,
    Per,
}

/// `name = value;` before the energy.
#[derive(Debug)]
pub(super) struct Definition<'t> {
    pub(super) name: &'t str,
    pub(super) span: Range<usize>,
    pub(super) value: Node<'t>,
}

/// Reads definitions and the energy after them.
pub(super) fn parse(text: &str) -> Result<(Vec<Definition<'_>>, Node<'_>), Fault> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let mut definitions = Vec::new();
    loop {
        if parser.peek() == Token::End {
            return Err(Fault::new(&(0..text.len()), ExpressionErrorKind::Empty));
        }
        if let (Token::Name(name), Token::Symbol('=')) = (parser.peek(), parser.tokens[parser.at + 1].0) {
            let span = parser.advance();
            parser.advance();
            let value = parser.sum()?;
            parser.expect(';', "an operator, or the ; that ends a definition,")?;
            definitions.push(Definition { name, span, value });
            continue;
        }
        let energy = parser.sum()?;
        parser.skip(';');
        if parser.peek() != Token::End {
            return Err(parser.unexpected("an operator or the end"));
        }
        return Ok((definitions, energy));
    }
}

struct Parser<'t> {
    tokens: Vec<(Token<'t>, Range<usize>)>,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Token<'t> {
        self.tokens[self.at].0
    }

    /// Steps over a token, except over the last one; its place.
    fn advance(&mut self) -> Range<usize> {
        let span = self.tokens[self.at].1.clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        span
    }

    /// Where the last token ended.
    fn end(&self) -> usize {
        self.tokens[self.at.saturating_sub(1)].1.end
    }

    fn skip(&mut self, symbol: char) -> bool {
        let found = self.peek() == Token::Symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    fn unexpected(&self, wanted: &'static str) -> Fault {
        let (token, span) = &self.tokens[self.at];
        // Two factors side by side are a product on paper.
        let is_factor = matches!(token, Token::Name(_) | Token::Number(_) | Token::Symbol('('));
        let remedy =
            if is_factor && wanted.starts_with("an operator") { ": write * between factors" } else { "" };
        Fault::new(span, ExpressionErrorKind::Token { found: token.quoted(), wanted, remedy })
    }

    fn expect(&mut self, symbol: char, wanted: &'static str) -> Result<(), Fault> {
        if self.skip(symbol) { Ok(()) } else { Err(self.unexpected(wanted)) }
    }

    fn sum(&mut self) -> Result<Node<'t>, Fault> {
        self.chain(Self::product, |symbol| match symbol {
            '+' => Some(Operator::Plus),
            '-' => Some(Operator::Minus),
            _ => None,
        })
    }

    fn product(&mut self) -> Result<Node<'t>, Fault> {
        self.chain(Self::unary, |symbol| match symbol {
            '*' => Some(Operator::Times),
            '/' => Some(Operator::Per),
            _ => None,
        })
    }

    fn chain(
        &mut self,
        part: fn(&mut Self) -> Result<Node<'t>, Fault>,
        operator: fn(char) -> Option<Operator>,
    ) -> Result<Node<'t>, Fault> {
        let first = part(self)?;
        let mut rest = Vec::new();
        while let Token::Symbol(symbol) = self.peek()
            && let Some(operator) = operator(symbol)
        {
            self.advance();
            rest.push((operator, part(self)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let span = first.span.start..self.end();
        Ok(Node { span, kind: NodeKind::Chain(Box::new(first), rest) })
    }

    /// Every way into a deeper level leads through here.
    fn unary(&mut self) -> Result<Node<'t>, Fault> {
        let start = self.tokens[self.at].1.clone();
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Fault::new(&start, ExpressionErrorKind::TooDeep { limit: DEEPEST }));
        }
        let node = match self.peek() {
            Token::Symbol('-') => {
                self.advance();
                let kind = NodeKind::Negation(Box::new(self.unary()?));
                Node { span: start.start..self.end(), kind }
            }
            Token::Symbol('+') => {
                self.advance();
                self.unary()?
            }
            _ => self.power()?,
        };
        self.depth -= 1;
        Ok(node)
    }

    fn power(&mut self) -> Result<Node<'t>, Fault> {
        let base = self.postfix()?;
        if !self.skip('^') {
            return Ok(base);
        }
        let exponent = self.unary()?;
        let span = base.span.start..self.end();
        Ok(Node { span, kind: NodeKind::Power(Box::new(base), Box::new(exponent)) })
    }

    fn postfix(&mut self) -> Result<Node<'t>, Fault> {
        let list = self.primary()?;
        let mut indices = Vec::new();
        while self.skip('[') {
            indices.extend(self.separated(']', "an operator, a comma or a ]")?);
        }
        if indices.is_empty() {
            return Ok(list);
        }
        let span = list.span.start..self.end();
        Ok(Node { span, kind: NodeKind::Entry(Box::new(list), indices) })
    }

    /// One part or several with commas between them, and the bracket that closes them.
    fn separated(&mut self, close: char, wanted: &'static str) -> Result<Vec<Node<'t>>, Fault> {
        let mut parts = vec![self.sum()?];
        while self.skip(',') {
            parts.push(self.sum()?);
        }
        self.expect(close, wanted)?;
        Ok(parts)
    }

    fn primary(&mut self) -> Result<Node<'t>, Fault> {
        const CLOSE: &str = "an operator, a comma or a )";
        let (token, start) = (self.peek(), self.tokens[self.at].1.clone());
        let kind = match token {
            Token::Number(x) => {
                self.advance();
                NodeKind::Number(x)
            }
            Token::Name(name) => {
                let name_span = self.advance();
                if !self.skip('(') {
                    NodeKind::Name(name)
                } else if self.skip(')') {
                    NodeKind::Call { name, name_span, arguments: vec![] }
                } else {
                    NodeKind::Call { name, name_span, arguments: self.separated(')', CLOSE)? }
                }
            }
            Token::Symbol('(') => {
                self.advance();
                let Node { kind, .. } = self.sum()?;
                self.expect(')', "an operator or a )")?;
                kind
            }
            Token::Symbol('[') => {
                self.advance();
                NodeKind::List(self.separated(']', "an operator, a comma or a ]")?)
            }
            _ => return Err(self.unexpected("a number, a name or a bracket")),
        };
        Ok(Node { span: start.start..self.end(), kind })
    }
}
