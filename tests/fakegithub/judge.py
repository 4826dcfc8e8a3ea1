"""GitHub's own descriptions of its APIs, held against what was said: requests of clients and answers of the fake."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakegithub.wire import Paths

if TYPE_CHECKING:
    from fakegithub.hub import Exchange

CONTRACT = Path(__file__).parent.parent / "contract"
# Any operation may say these, whether its description has them or not.
_ANYWHERE = {400, 401, 403, 404, 429}
# What GitHub is known to answer and its description does not tell.
_UNTOLD = {
    ("delete", "/repos/{owner}/{repo}/releases/assets/{asset_id}", 422),
    ("patch", "/repos/{owner}/{repo}/releases/assets/{asset_id}", 422),
    ("patch", "/repos/{owner}/{repo}/releases/{release_id}", 422),
    ("post", "/repos/{owner}/{repo}/releases/generate-notes", 422),
}
# What a refusal says: the descriptions of it differ from one operation to the next and are all too narrow.
_REFUSAL = {
    "type": "object",
    "required": ["message"],
    "properties": {
        **{name: {"type": "string"} for name in ("message", "documentation_url", "url", "status")},
        "errors": {
            "type": "array",
            "items": {
                "anyOf": [
                    {"type": "string"},
                    {
                        "type": "object",
                        "required": ["code"],
                        "properties": {name: {"type": "string"} for name in ("resource", "field", "code", "message")},
                    },
                ]
            },
        },
    },
}


def judge(exchange: Exchange) -> list[str]:
    """Return what in an exchange GitHub's descriptions do not allow."""
    if exchange.kind == "graphql":
        from fakegithub.graphql import wrong

        return [f"POST /graphql: {said}" for said in wrong(exchange)]
    if exchange.kind != "rest":
        return []
    method = "get" if exchange.method == "HEAD" else exchange.method.lower()
    found = _paths().match(exchange.path)
    operation = _description()["paths"][found[0]].get(method) if found else None
    if found is None or operation is None:
        return [f"{exchange.method} {exchange.path}: GitHub has no such operation, or it is not in the cut"]
    about = f"{exchange.method} {exchange.path} -> {exchange.status}"
    said = [*_asked(method, found[0], operation, exchange), *_answered(method, found[0], operation, exchange)]
    return [f"{about}: {each}" for each in said]


def _asked(method: str, path: str, operation: Mapping[str, Any], exchange: Exchange) -> Iterator[str]:
    shared = _description()["paths"][path].get("parameters", [])
    parameters = [_resolve(each) for each in (*shared, *operation.get("parameters", []))]
    known = {each["name"]: each for each in parameters if each["in"] == "query"}
    yield from (f"the query has an unknown {name}" for name in exchange.query if name not in known)
    for name, parameter in known.items():
        if name in exchange.query:
            where = ("paths", path, method, "query", name)
            yield from _against(
                where, parameter["schema"], _read(exchange.query[name], parameter["schema"]), "the query"
            )
        elif parameter.get("required"):
            yield f"the query lacks {name}"
    body = _resolve(operation.get("requestBody", {}))
    schema = body.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        if exchange.document is not None and "content" not in body:
            yield "the request has a body, and should have none"
    elif exchange.document is not None:
        yield from _against(("paths", path, method, "request"), schema, exchange.document, "the request")
    elif body.get("required"):
        yield "the request has no body"


def _answered(method: str, path: str, operation: Mapping[str, Any], exchange: Exchange) -> Iterator[str]:
    if exchange.status is None or exchange.status >= 500 or exchange.fault is not None or exchange.method == "HEAD":
        return
    told = operation["responses"].get(str(exchange.status))
    if told is None and exchange.status not in _ANYWHERE and (method, path, exchange.status) not in _UNTOLD:
        yield "the answer has a status that is not described"
    elif exchange.status >= 400:
        yield from _against(("refusal",), _REFUSAL, exchange.answer, "the answer")
    elif schema := _resolve(told).get("content", {}).get("application/json", {}).get("schema"):
        yield from _against(("paths", path, method, exchange.status), schema, exchange.answer, "the answer")
    elif exchange.answer is not None:
        yield "the answer has a document, and should have none"


def _read(text: str, schema: Mapping[str, Any]) -> Any:
    """Return a value of a query as what it is meant for."""
    if schema.get("type") == "integer" and text.lstrip("-").isdigit():
        return int(text)
    return {"true": True, "false": False}.get(text, text) if schema.get("type") == "boolean" else text


_schemas: dict[tuple[object, ...], Mapping[str, Any]] = {}


def _against(where: tuple[object, ...], schema: Mapping[str, Any], value: Any, what: str) -> Iterator[str]:
    """Hold a value against a schema; what many operations share is made ready to be checked against only once."""
    if schema.get("type") == "array" and "$ref" in schema.get("items", {}) and isinstance(value, list):
        for number, each in enumerate(value):
            yield from _against(where, schema["items"], each, f"{what}[{number}]")
        return
    where = (schema["$ref"],) if "$ref" in schema else where
    _schemas[where] = schema
    said = _verdict(where, json.dumps(value))
    if said:
        yield f"{what} {said}"


@lru_cache(maxsize=4096)
def _verdict(where: tuple[object, ...], text: str) -> str | None:
    value = json.loads(text)
    # Without details a check is made ready in less than half the time, and few fail.
    return None if _fails(where, value, detailed=False) is None else _fails(where, value, detailed=True)


def _fails(where: tuple[object, ...], value: Any, *, detailed: bool) -> str | None:
    import fastjsonschema

    try:
        _check(where, detailed=detailed)(value)
    except fastjsonschema.JsonSchemaValueException as error:
        return str(error.message).removeprefix("data").lstrip(". ")
    return None


@cache
def _check(where: tuple[object, ...], *, detailed: bool) -> Callable[[Any], Any]:
    import fastjsonschema

    draft = "http://json-schema.org/draft-04/schema#"
    schema = {"$schema": draft, "components": _components(), "allOf": [_strict(_schemas[where])]}
    made: Callable[[Any], Any] = fastjsonschema.compile(schema, use_default=False, detailed_exceptions=detailed)
    return made


@cache
def _description() -> dict[str, Any]:
    described: dict[str, Any] = json.loads((CONTRACT / "github.json").read_text())
    shapes = described["components"]["schemas"]
    # What a broken upload leaves behind is told in words only.
    shapes["release-asset"]["properties"]["state"]["enum"].append("starter")
    # A label that nobody described has none there either.
    shapes["pull-request-simple"]["properties"]["labels"] = shapes["pull-request"]["properties"]["labels"]
    return described


@cache
def _paths() -> Paths:
    return Paths(list(_description()["paths"]))


@cache
def _components() -> dict[str, Any]:
    return {"schemas": {name: _strict(schema) for name, schema in _description()["components"]["schemas"].items()}}


def _resolve(node: Mapping[str, Any]) -> Any:
    if "$ref" not in node:
        return node
    found: Any = _description()
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def _strict(node: Any, *, names: bool = False) -> Any:
    """Return a schema of OpenAPI 3.0 as one of JSON Schema, in which an object has no properties but those described."""
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _strict(value) for key, value in node.items()}
    if len(node.get("allOf", [])) > 1:
        node = _merged(node)
    made = {
        key: _strict(value, names=key == "properties")
        for key, value in node.items()
        if key not in {"format", "nullable"}
    }
    if node.get("format") in {"date-time", "uri"}:
        made["format"] = node["format"]
    if made.get("properties") and "additionalProperties" not in made:
        made["additionalProperties"] = False
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") else made


def _merged(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return one object for several that an answer must be at once."""
    parts = [_resolve(each) for each in node["allOf"]]
    properties = {name: schema for part in parts for name, schema in part.get("properties", {}).items()}
    required = [name for part in parts for name in part.get("required", [])]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}
