"""Go's text/template, parsed: text with actions becomes a tree of the nodes below.

Source: https://pkg.go.dev/text/template, sections Text and spaces, Actions, Arguments, Pipelines, Variables.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

from dockview.engine.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Text:
    """What stands outside of actions."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A string, a number, true, false or nil."""

    value: Any


@dataclass(frozen=True, slots=True)
class Word:
    """The name of a function."""

    name: str


@dataclass(frozen=True, slots=True)
class Path:
    """Fields of something: `.A.B` (base "."), `$x.A` (base "$x") or `(…).A` (base is a pipeline)."""

    base: str | Pipe
    fields: tuple[str, ...]


Operand = Literal | Word | Path


@dataclass(frozen=True, slots=True)
class Pipe:
    """`$x := a b | c`: commands, each handing its result to the next as the last argument."""

    commands: tuple[tuple[Operand, ...], ...]
    declared: tuple[str, ...] = ()
    is_assignment: bool = False


@dataclass(slots=True)
class Block:
    """`if`, `range` or `with`, with what follows when it holds and when it does not."""

    kind: str
    pipe: Pipe
    body: list[Node] = field(default_factory=list)
    otherwise: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`."""

    kind: str


Node = Text | Pipe | Block | Jump

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?P<char>'(?:[^'\\]|\\.)')"""
    r"""|(?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?))"""
    r"""|(?P<field>\.[A-Za-z_]\w*)|(?P<variable>\$\w*)|(?P<name>[A-Za-z_]\w*)|(?P<mark>:=|[=|(),.]))(?P<space>\s*)"""
)
_OPEN = re.compile(r"\{\{(- )?")
_BLOCKS = ("if", "range", "with")
_REFUSED = ("define", "template", "block")
_CONSTANTS = {"true": True, "false": False, "nil": None}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    is_spaced: bool
    """White space follows; `.A .B` are two operands, `.A.B` is one."""


def parse(template: str) -> list[Node]:
    """The nodes of a template. Raises: InvalidRequest."""
    root: list[Node] = []
    stack: list[tuple[Block | None, list[Node]]] = [(None, root)]
    for piece in _pieces(template):
        if isinstance(piece, Text):
            if piece.text:
                stack[-1][1].append(piece)
            continue
        tokens = _tokens(piece)
        if not tokens:
            fail("missing value for command")
        _action(tokens, stack)
    if len(stack) > 1:
        fail("unexpected EOF", "every if, range and with is closed by {{end}}")
    return root


def _pieces(template: str) -> list[Text | str]:
    """Text, and the inside of each action, with trim marks carried out and comments left out."""
    pieces: list[Text | str] = []
    at, is_trimming = 0, False
    while found := _OPEN.search(template, at):
        text = template[at : found.start()]
        text = text.lstrip() if is_trimming else text
        pieces.append(Text(text.rstrip() if found[1] else text))
        end = _end_of_action(template, found.end())
        inside = template[found.end() : end]
        is_trimming = inside.endswith((" -", "\t-", "\n-"))
        inside = (inside[:-1] if is_trimming else inside).strip()
        if not (inside.startswith("/*") and inside.endswith("*/")):
            pieces.append(inside)
        at = end + 2
    rest = template[at:]
    pieces.append(Text(rest.lstrip() if is_trimming else rest))
    return pieces


def _end_of_action(template: str, at: int) -> int:
    """Where its `}}` is; one inside of a string does not count."""
    if template.startswith("/*", at):
        at = max(template.find("*/", at + 2), at)
    quote = ""
    while at < len(template):
        char = template[at]
        if quote:
            at += 1 if char == "\\" and quote != "`" else 0
            quote = "" if char == quote else quote
        elif char in "\"`'":
            quote = char
        elif template.startswith("}}", at):
            return at
        at += 1
    return fail("unclosed action", "an action is closed by }}")


def _tokens(inside: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(inside):
        found = _TOKEN.match(inside, at)
        if found is None:
            fail(f"unexpected {inside[at:].strip()[:1]!r} in {{{{{inside}}}}}")
        kind = next(name for name, text in found.groupdict().items() if text is not None and name != "space")
        tokens.append(_Token(kind, found[kind], bool(found["space"])))
        at = found.end()
    return tokens


def _action(tokens: list[_Token], stack: list[tuple[Block | None, list[Node]]]) -> None:
    word = tokens[0].text if tokens[0].kind == "name" else ""
    block, nodes = stack[-1]
    if word in _REFUSED:
        fail(f"{{{{{word}}}}} is not in this version of dockview", "if, range and with are")
    if word in _BLOCKS:
        opened = Block(word, _pipeline(tokens[1:]))
        nodes.append(opened)
        stack.append((opened, opened.body))
    elif word in ("else", "end"):
        if block is None or (word == "else" and nodes is block.otherwise):
            fail(f"unexpected {{{{{word}}}}}")
        stack.pop()
        if word == "end":
            while block.kind == "else if":
                block, _nodes = stack.pop()
                assert block is not None  # noqa: S101  an `else if` stands inside of a block
        elif len(tokens) > 1:
            inner = Block("else if", _pipeline(tokens[2:]))
            if tokens[1].text != "if" or block.kind not in ("if", "else if"):
                fail(f"unexpected {tokens[1].text!r} after else")
            block.otherwise.append(inner)
            stack += [(block, block.otherwise), (inner, inner.body)]
        else:
            stack.append((block, block.otherwise))
    elif word in ("break", "continue"):
        if not any(item and item.kind == "range" for item, _ in stack):
            fail(f"{{{{{word}}}}} outside {{{{range}}}}")
        nodes.append(Jump(word))
    else:
        nodes.append(_pipeline(tokens))


def _pipeline(tokens: list[_Token]) -> Pipe:
    reader = _Reader(tokens)
    pipe = reader.pipe()
    if reader.tokens:
        fail(f"unexpected {reader.tokens[0].text!r}")
    return pipe


class _Reader:
    """Reads operands off the front of a list of tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = list(tokens)

    def _next_is(self, *texts: str) -> bool:
        return bool(self.tokens) and self.tokens[0].kind == "mark" and self.tokens[0].text in texts

    def pipe(self) -> Pipe:
        declared, is_assignment = self._declared()
        commands = [self._command()]
        while self._next_is("|"):
            self.tokens.pop(0)
            commands.append(self._command())
        return Pipe(tuple(commands), declared, is_assignment)

    def _declared(self) -> tuple[tuple[str, ...], bool]:
        kinds = [token.kind if token.kind == "variable" else token.text for token in self.tokens[:4]]
        for count in (1, 2):
            mark = kinds[2 * count - 1 : 2 * count]
            names = ["variable", ",", "variable"][: 2 * count - 1]
            if kinds[: 2 * count - 1] == names and mark and mark[0] in (":=", "="):
                taken, self.tokens = self.tokens[: 2 * count], self.tokens[2 * count :]
                return tuple(token.text for token in taken if token.kind == "variable"), mark[0] == "="
        return (), False

    def _command(self) -> tuple[Operand, ...]:
        operands: list[Operand] = []
        while self.tokens and not self._next_is("|", ")"):
            operands.append(self._operand())
        if not operands:
            fail("missing value for command")
        return tuple(operands)

    def _operand(self) -> Operand:
        token = self.tokens.pop(0)
        if token.kind == "string":
            return Literal(_string(token.text))
        if token.kind == "char":
            return Literal(ord(str(_string(f'"{token.text[1:-1]}"'))))
        if token.kind == "number":
            return Literal(_number(token.text))
        if token.kind == "name":
            return Literal(_CONSTANTS[token.text]) if token.text in _CONSTANTS else Word(token.text)
        if token.kind == "variable":
            return Path(token.text, self._fields(token))
        if token.kind == "field":
            return Path(".", (token.text[1:], *self._fields(token)))
        if token.text == ".":
            return Path(".", ())
        if token.text == "(":
            pipe = self.pipe()
            if not self._next_is(")"):
                fail("unclosed left paren")
            return Path(pipe, self._fields(self.tokens.pop(0)))
        return fail(f"unexpected {token.text!r}")

    def _fields(self, before: _Token) -> tuple[str, ...]:
        names = []
        while not before.is_spaced and self.tokens and self.tokens[0].kind == "field":
            before = self.tokens.pop(0)
            names.append(before.text[1:])
        return tuple(names)


def _string(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    try:
        return str(json.loads(text.replace("\t", "\\t")))
    except ValueError:
        fail(f"invalid string {text}")


def _number(text: str) -> int | float:
    digits = text.lstrip("+-")
    if digits.lower().startswith("0x"):
        return int(text, 16)
    return int(text) if digits.isdecimal() else float(text)


def fail(what: str, hint: str = "docker's --format and Go's text/template say how one is written") -> NoReturn:
    """Refuse a template. Raises: InvalidRequest, always."""
    raise InvalidRequest(f"template parsing error: {what}", hint=hint)
