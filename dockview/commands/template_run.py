"""A parsed template, filled from a JSON-like object.

Values are what JSON has; where Go's typed zero values show (`[]` of a nil slice, `map[]` of a nil map), the names of
docker's fields tell the type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dockview.commands.template_functions import FUNCTIONS, TemplateError, go_text
from dockview.commands.template_parse import Block, Jump, Literal, Node, Operand, Path, Pipe, Text, Word
from dockview.engine.errors import InvalidRequest

_MOST_OUTPUT = 16 << 20
"""Characters; nested ranges over a big object would otherwise fill the memory."""
_SLICES = frozenset({
    "Aliases", "Args", "Binds", "CapAdd", "CapDrop", "Cmd", "DNSNames", "DeviceCgroupRules",
    "DeviceRequests", "Devices", "Dns", "DnsOptions", "DnsSearch", "Entrypoint", "Env", "ExecIDs", "ExtraHosts",
    "GroupAdd", "Links", "MaskedPaths", "Mounts", "OnBuild", "ReadonlyPaths", "RepoDigests", "RepoTags",
    "SecurityOpt", "Shell", "Ulimits", "VolumesFrom",
})  # fmt: skip
_MAPS = frozenset({
    "DriverOpts", "ExposedPorts", "Labels", "Networks", "Options", "Ports", "StorageOpt", "Sysctls", "Tmpfs", "Volumes",
})  # fmt: skip
_POINTERS = frozenset({"Health", "Healthcheck", "IPAMConfig", "Init", "OomKillDisable", "PidsLimit", "UsageData"})
_TAKES_LAZILY = ("and", "or")


class _Jumped(Exception):
    """`break` or `continue`, on its way to its range."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class Evaluation:
    """One filling of a template."""

    def __init__(self, value: Any, *, is_header: bool = False) -> None:
        self._scopes: list[dict[str, Any]] = [{"$": value}]
        self._dots = [value]
        self._is_header = is_header
        self._parts: list[str] = []
        self._length = 0

    def text(self, nodes: Sequence[Node]) -> str:
        """The text. Raises: InvalidRequest, saying what the template asks for that is not there."""
        try:
            self._nodes(nodes)
        except TemplateError as error:
            raise InvalidRequest(f"template: {error}", hint=error.hint) from None
        return "".join(self._parts)

    def _put(self, text: str) -> None:
        self._length += len(text)
        if self._length > _MOST_OUTPUT:
            raise TemplateError("the output is too long")
        self._parts.append(text)

    def _nodes(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            if isinstance(node, Text):
                self._put(node.text)
            elif isinstance(node, Pipe):
                value, name = self._pipe(node)
                if not node.declared:
                    self._put(_nil(name) if value is None else go_text(value))
            elif isinstance(node, Jump):
                raise _Jumped(node.kind)
            elif node.kind == "range":
                self._range(node)
            else:
                self._choice(node)

    def _choice(self, block: Block) -> None:
        self._scopes.append({})
        try:
            value, _name = self._pipe(block.pipe)
            dot = value if value and block.kind == "with" else self._dots[-1]
            self._within(block.body if value else block.otherwise, dot)
        finally:
            self._scopes.pop()

    def _within(self, nodes: Sequence[Node], dot: Any) -> None:
        self._dots.append(dot)
        self._scopes.append({})
        try:
            self._nodes(nodes)
        finally:
            self._scopes.pop()
            self._dots.pop()

    def _range(self, block: Block) -> None:
        names = block.pipe.declared
        value, _name = self._pipe(Pipe(block.pipe.commands))
        items = list(_items(value))
        for key, item in items:
            bound = dict(zip(names, (key, item) if len(names) == 2 else (item,), strict=False))
            self._scopes.append(bound)
            try:
                self._within(block.body, item)
            except _Jumped as jump:
                if jump.kind == "break":
                    break
            finally:
                self._scopes.pop()
        if not items:
            self._within(block.otherwise, self._dots[-1])

    def _pipe(self, pipe: Pipe) -> tuple[Any, str]:
        """The value of a pipeline, and the name of the field that it is, if it is one."""
        value: Any = None
        name = ""
        for number, command in enumerate(pipe.commands):
            value, name = self._command(command, [value] if number else [])
        for variable in pipe.declared:
            if pipe.is_assignment:
                scope = next((scope for scope in reversed(self._scopes) if variable in scope), None)
                if scope is None:
                    raise TemplateError(f"undefined variable {variable}")
                scope[variable] = value
            else:
                self._scopes[-1][variable] = value
        return value, name

    def _command(self, command: tuple[Operand, ...], handed: list[Any]) -> tuple[Any, str]:
        first, *rest = command
        if isinstance(first, Word):
            return self._call(first.name, rest, handed), ""
        value, name = self._operand(first)
        if callable(value):
            arguments = [self._operand(item)[0] for item in rest] + handed
            if len(arguments) != 1 or not isinstance(arguments[0], str):
                raise TemplateError(f".{name} takes one string")
            return value(arguments[0]), ""
        if rest or handed:
            raise TemplateError(f"can't give argument to non-function {name or value!r}")
        return value, name

    def _call(self, name: str, operands: Sequence[Operand], handed: list[Any]) -> Any:
        function = FUNCTIONS.get(name)
        if function is None:
            raise TemplateError(f'function "{name}" not defined', f"there are {', '.join(sorted(FUNCTIONS))}")
        if name in _TAKES_LAZILY:
            return self._and_or(name, operands, handed)
        arguments = [self._operand(item)[0] for item in operands] + handed
        if self._is_header:
            texts = [item for item in arguments if isinstance(item, str)]
            return (texts[-1] if handed else texts[0]) if texts else ""
        try:
            return function(*arguments)
        except TypeError:
            raise TemplateError(f"wrong number or kind of args for {name}") from None

    def _and_or(self, name: str, operands: Sequence[Operand], handed: list[Any]) -> Any:
        """The first value that decides, else the last; what follows the deciding one is not looked at."""
        value: Any = None
        for operand in operands:
            value, _name = self._operand(operand)
            if bool(value) == (name == "or"):
                return value
        return handed[0] if handed else value

    def _operand(self, operand: Operand) -> tuple[Any, str]:
        if isinstance(operand, Literal):
            return operand.value, ""
        if isinstance(operand, Word):
            return self._call(operand.name, [], []), ""
        return self._path(operand)

    def _path(self, path: Path) -> tuple[Any, str]:
        if isinstance(path.base, Pipe):
            value, name = self._pipe(path.base)
        elif path.base == ".":
            value, name = self._dots[-1], ""
        else:
            scope = next((scope for scope in reversed(self._scopes) if path.base in scope), None)
            if scope is None:
                raise TemplateError(f"undefined variable {path.base}")
            value, name = scope[path.base], ""
        for depth, field in enumerate(path.fields):
            value, name = _field(value, field, path.fields[:depth]), field
        return value, name


def _field(value: Any, name: str, before: Sequence[str]) -> Any:
    method = getattr(value, "methods", {}).get(name)
    if method is not None:
        return method
    where = f".{'.'.join((*before, name))}"
    if value is None:
        raise TemplateError(f"nil pointer evaluating {where}: .{'.'.join(before)} is empty")
    if not isinstance(value, Mapping):
        raise TemplateError(f".{'.'.join(before)} has no fields, so no {where}")
    if name not in value and name in _SLICES | _MAPS | _POINTERS:
        return None  # docker's JSON leaves out what is not set
    if name not in value:
        raise TemplateError(f'no field "{name}"', f"there are {', '.join(map(str, value))}")
    return value[name]


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        yield from ((key, value[key]) for key in sorted(value))
    elif isinstance(value, list | tuple):
        yield from enumerate(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from ((number, number) for number in range(min(value, _MOST_OUTPUT)))
    elif value is not None:
        raise TemplateError(f"range can't iterate over {go_text(value)}")


def _nil(field: str) -> str:
    """How Go prints a field that is not set."""
    if field in _SLICES:
        return "[]"
    if field in _MAPS:
        return "map[]"
    return "<nil>" if field in _POINTERS else "<no value>"
