"""GraphQL: queries are validated against GitHub's own schema and executed on it, so answers have just what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from fakegithub.judge import CONTRACT
from fakegithub.wire import Answer, Denied, Request

if TYPE_CHECKING:
    import graphql

    from fakegithub.hub import Exchange, Hub


def answer(hub: Hub, request: Request) -> Answer:
    """Answer a query or a mutation; there is nothing to be had without a token."""
    import graphql

    from fakegithub.objects import root

    if "authorization" not in request.headers:
        raise Denied(403, "API rate limit exceeded.")
    done = graphql.graphql_sync(
        _schema(),
        request.fields.get("query", ""),
        root_value=root(hub, request),
        variable_values=request.fields.get("variables"),
        operation_name=request.fields.get("operationName"),
    )
    errors = [_told(hub, error) for error in done.errors or ()]
    return Answer(
        200, {**({"data": done.data} if done.data is not None else {}), **({"errors": errors} if errors else {})}
    )


def wrong(exchange: Exchange) -> Iterator[str]:
    """Return what in a query GitHub's schema does not allow."""
    import graphql

    asked = exchange.document or {}
    try:
        document = graphql.parse(asked.get("query", ""))
    except graphql.GraphQLSyntaxError as error:
        yield error.message
        return
    yield from (error.message for error in graphql.validate(_schema(), document))
    for operation in document.definitions:
        if isinstance(operation, graphql.OperationDefinitionNode):
            given = asked.get("variables") or {}
            told = graphql.get_variable_values(_schema(), operation.variable_definitions or (), given)
            yield from (error.message for error in (told if isinstance(told, list) else ()))
            known = {each.variable.name.value for each in operation.variable_definitions or ()}
            yield from (f"the variable {name} is not declared" for name in given if name not in known)


@cache
def _schema() -> graphql.GraphQLSchema:
    import graphql

    return graphql.build_schema((CONTRACT / "github.graphql").read_text(), assume_valid=True, assume_valid_sdl=True)


def _told(hub: Hub, error: graphql.GraphQLError) -> dict[str, Any]:
    """Return an error as GitHub tells it; one that is no answer of ours is a mistake of the fake."""
    told: dict[str, Any] = {"message": error.message, **(error.extensions or {})}
    if error.path:
        told["path"] = error.path
    if error.locations:
        told["locations"] = [{"line": each.line, "column": each.column} for each in error.locations]
    if error.original_error is not None and not error.extensions:
        hub.complain(f"the fake itself failed: {error.original_error!r}")
    return told
