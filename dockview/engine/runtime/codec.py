"""JSON for the shim: the json module's own C parts, without the regular expressions that it loads around them.

Importing json costs 5 ms, most of it for `re`; the C scanner and encoder cost nothing. Where they are not to be had
(another Python than CPython), the json module does the work.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _ScannerSettings:
    """What the C scanner asks its owner for: the settings of json.JSONDecoder."""

    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012  the scanner's own scratch space


def _refuse(value: object) -> Any:
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _from_c() -> tuple[Callable[[str], Any], Callable[[Any], str], Callable[[str], str]]:
    import _json  # noqa: PLC0415

    scan = _json.make_scanner(_ScannerSettings())  # type: ignore[arg-type]  # it asks for attributes alone
    encode = _json.make_encoder(
        None, _refuse, _json.encode_basestring_ascii, None, ": ", ", ", False, False, True,
    )  # fmt: skip

    def loads(text: str) -> Any:
        start = len(text) - len(text.lstrip())
        try:
            value, end = scan(text, start)
        except StopIteration:
            raise ValueError("not JSON") from None
        if text[end:].strip():
            raise ValueError("not JSON: text after the value")
        return value

    def dumps(value: Any) -> str:
        return "".join(encode(value, 0))

    return loads, dumps, _json.encode_basestring


def _from_json() -> tuple[Callable[[str], Any], Callable[[Any], str], Callable[[str], str]]:
    import json  # noqa: PLC0415
    import json.encoder  # noqa: PLC0415

    return json.loads, json.dumps, json.encoder.encode_basestring


try:
    loads, dumps, quote = _from_c()
    assert loads(dumps({"a": [1, "b", None]})) == {"a": [1, "b", None]}  # noqa: S101  the C parts are private
except (ImportError, TypeError, AttributeError, AssertionError):
    loads, dumps, quote = _from_json()
