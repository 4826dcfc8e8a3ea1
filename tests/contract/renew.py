"""Cut GitHub's own descriptions of its APIs down to what the tests exchange with it, as data to judge by.

    python tests/contract/renew.py                        # with the versions named below, from npm
    python tests/contract/renew.py --openapi 24.0.0 --graphql 16.0.0
    python tests/contract/renew.py --packages DIRECTORY   # with tarballs that are there already

Both packages (`@octokit/openapi`, `@octokit/graphql-schema`) are published by GitHub under the MIT licence.
What is kept of REST are the operations in `OPERATIONS`, of GraphQL the fields in `FIELDS`, each with all it refers to;
texts and examples for readers are left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OPENAPI, GRAPHQL = "23.0.2", "15.26.1"

_REPOSITORY = "/repos/{owner}/{repo}"
OPERATIONS: dict[str, str] = {
    "/meta": "get",
    "/rate_limit": "get",
    "/user": "get",
    "/repos/{owner}/{repo}": "get",
    "/assignees": "get",
    "/assignees/{assignee}": "get",
    "/attestations/{subject_digest}": "get",
    "/branches/{branch}": "get",
    "/branches/{branch}/protection": "get",
    "/collaborators/{username}": "get",
    "/collaborators/{username}/permission": "get",
    "/commits/{commit_sha}/pulls": "get",
    "/commits/{ref}": "get",
    "/compare/{basehead}": "get",
    "/contents/{path}": "get",
    "/git/commits/{commit_sha}": "get",
    "/git/matching-refs/{ref}": "get",
    "/git/ref/{ref}": "get",
    "/git/refs": "post",
    "/git/refs/{ref}": "patch delete",
    "/git/tags/{tag_sha}": "get",
    "/immutable-releases": "get put delete",
    "/issues": "get post",
    "/issues/comments/{comment_id}": "get patch delete",
    "/issues/{issue_number}": "get patch",
    "/issues/{issue_number}/assignees": "post delete",
    "/issues/{issue_number}/comments": "get post",
    "/issues/{issue_number}/labels": "get post put",
    "/issues/{issue_number}/labels/{name}": "delete",
    "/labels": "get post",
    "/labels/{name}": "get patch delete",
    "/milestones": "get post",
    "/milestones/{milestone_number}": "get patch delete",
    "/pulls": "get post",
    "/pulls/{pull_number}": "get patch",
    "/pulls/{pull_number}/commits": "get",
    "/pulls/{pull_number}/merge": "get put",
    "/pulls/{pull_number}/requested_reviewers": "get post delete",
    "/pulls/{pull_number}/reviews": "get post",
    "/releases": "get post",
    "/releases/assets/{asset_id}": "get patch delete",
    "/releases/generate-notes": "post",
    "/releases/latest": "get",
    "/releases/tags/{tag}": "get",
    "/releases/{release_id}": "get patch delete",
    "/releases/{release_id}/assets": "get post",
    "/rules/branches/{branch}": "get",
    "/rulesets": "get",
    "/rulesets/{ruleset_id}": "get",
    "/security-advisories": "get post",
    "/security-advisories/{ghsa_id}": "get patch",
    "/tags": "get",
}
_FROM_THE_ROOT = {"/meta", "/rate_limit", "/user", _REPOSITORY}

_CONNECTIONS = {
    f"{name}Connection": "nodes pageInfo totalCount"
    for name in (
        "DiscussionCategory",
        "Discussion",
        "Issue",
        "Label",
        "PinnedIssue",
        "ProjectV2",
        "ProjectV2Item",
        "PullRequest",
        "ReleaseAsset",
        "Release",
    )
}
_TICKET = "body closed createdAt id labels milestone number projectItems state title updatedAt url"
# The fields of the types that are kept; of a type that is not named here nothing is.
FIELDS: dict[str, str] = {
    "Query": "node organization repository repositoryOwner user viewer",
    "Mutation": (
        "addProjectV2ItemById createDiscussion createPullRequest pinIssue unpinIssue updateProjectV2ItemFieldValue"
    ),
    **_CONNECTIONS,
    "AddProjectV2ItemByIdPayload": "item",
    "Commit": "abbreviatedOid id oid",
    "CreateDiscussionPayload": "discussion",
    "CreatePullRequestPayload": "pullRequest",
    "Discussion": "body category id number title url",
    "DiscussionCategory": "id isAnswerable name slug",
    "GitObject": "abbreviatedOid id oid",
    "Issue": f"{_TICKET} isPinned stateReason",
    "IssueOrPullRequest": "",
    "Label": "color description id name",
    "Milestone": "id number state title url",
    "Node": "id",
    "Organization": "id login name projectV2 projectsV2 url",
    "PageInfo": "endCursor hasNextPage hasPreviousPage startCursor",
    "PinIssuePayload": "issue",
    "PinnedIssue": "id issue",
    "ProjectV2": "closed field id number title url",
    "ProjectV2Field": "id name",
    "ProjectV2FieldCommon": "id name",
    "ProjectV2FieldConfiguration": "",
    "ProjectV2Item": "content fieldValueByName id project type",
    "ProjectV2ItemContent": "",
    "ProjectV2ItemFieldSingleSelectValue": "field id name optionId",
    "ProjectV2ItemFieldValue": "",
    "ProjectV2Owner": "id projectV2 projectsV2",
    "ProjectV2SingleSelectField": "id name options",
    "ProjectV2SingleSelectFieldOption": "color description id name",
    "PullRequest": (
        f"{_TICKET} baseRefName headRefName headRefOid headRepositoryOwner isCrossRepository isDraft merged mergedAt"
    ),
    "Ref": "id name prefix target",
    "Release": (
        "author createdAt databaseId description id isDraft isLatest isPrerelease name publishedAt releaseAssets tag "
        "tagCommit tagName updatedAt url"
    ),
    "ReleaseAsset": "contentType createdAt downloadCount downloadUrl id name size updatedAt url",
    "Repository": (
        "databaseId defaultBranchRef description discussion discussionCategories discussions hasDiscussionsEnabled "
        "hasIssuesEnabled hasProjectsEnabled hasWikiEnabled id isArchived isPrivate issue issueOrPullRequest issues "
        "latestRelease mergeCommitAllowed name nameWithOwner owner parent pinnedIssues projectV2 pullRequest "
        "pullRequests rebaseMergeAllowed ref release releases squashMergeAllowed sshUrl url viewerPermission"
    ),
    "RepositoryOwner": "id login url",
    "Tag": "abbreviatedOid id oid",
    "UnpinIssuePayload": "issue",
    "UpdateProjectV2ItemFieldValuePayload": "projectV2Item",
    "User": "id login name projectV2 projectsV2 url",
}

# What is for readers and judges nothing.
_SILENT = {"description", "summary", "example", "examples", "externalDocs", "tags", "x-github", "title"}


def main() -> None:
    """Fetch both packages, cut them, and write the files that the tests read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--openapi", default=OPENAPI, help="version of @octokit/openapi (default: %(default)s)")
    parser.add_argument("--graphql", default=GRAPHQL, help="version of @octokit/graphql-schema (default: %(default)s)")
    parser.add_argument("--packages", type=Path, help="directory with the tarballs; else npm fetches them")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        packages = wanted.packages or Path(scratch)
        described = json.loads(_member(packages, "openapi", wanted.openapi, "package/generated/api.github.com.json"))
        text = _member(packages, "graphql-schema", wanted.graphql, "package/schema.graphql").decode()
    cut = cut_openapi(described)
    cut["info"]["x-from"] = f"@octokit/openapi@{wanted.openapi}"
    (HERE / "github.json").write_text(json.dumps(cut, separators=(",", ":"), sort_keys=True) + "\n")
    schema = f"# From @octokit/graphql-schema@{wanted.graphql}, published by GitHub under the MIT licence\n\n{cut_graphql(text)}\n"
    (HERE / "github.graphql").write_text(schema)


def _member(packages: Path, name: str, version: str, path: str) -> bytes:
    """Return a file of an npm package, fetched where it is not there."""
    tarball = packages / f"octokit-{name}-{version}.tgz"
    if not tarball.is_file():
        subprocess.run(["npm", "pack", "--silent", f"@octokit/{name}@{version}"], cwd=packages, check=True)
    with tarfile.open(tarball) as package:
        found = package.extractfile(path)
        assert found is not None, f"{tarball} holds no {path}"
        return found.read()


def cut_openapi(described: dict[str, Any]) -> dict[str, Any]:
    """Return the operations we use, and the components they refer to."""
    paths: dict[str, Any] = {}
    for short, methods in OPERATIONS.items():
        path = short if short in _FROM_THE_ROOT else _REPOSITORY + short
        operations = described["paths"][path]
        kept = {method: _quiet(operations[method]) for method in methods.split()}
        shared = {"parameters": operations["parameters"]} if "parameters" in operations else {}
        paths[path] = {**shared, **kept}
    components: dict[str, dict[str, Any]] = {}
    waiting = list(_references(paths))
    while waiting:
        kind, name = waiting.pop().removeprefix("#/components/").split("/", 1)
        if name not in components.setdefault(kind, {}):
            components[kind][name] = _quiet(described["components"][kind][name])
            waiting += _references(components[kind][name])
    return {
        "openapi": described["openapi"],
        "info": {key: described["info"][key] for key in ("title", "version", "license")},
        "paths": paths,
        "components": components,
    }


def _quiet(node: Any, *, names: bool = False) -> Any:
    """Return a part of the description without its texts; in a table of `names` the keys are no keywords."""
    if isinstance(node, list):
        return [_quiet(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value
        if key in {"enum", "default"} and not names
        else _quiet(value, names=key == "properties" and not names)
        for key, value in node.items()
        if names or key not in _SILENT
    }


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _references(each)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for each in node.values():
            yield from _references(each)


def cut_graphql(text: str) -> str:
    """Return the types with the fields we use, and the inputs, enumerations and scalars these take and give."""
    import graphql

    known = {
        each.name.value: each for each in graphql.parse(text, no_location=True).definitions if hasattr(each, "name")
    }
    kept: dict[str, graphql.DefinitionNode] = {}
    waiting = sorted(FIELDS)
    while waiting:
        name = waiting.pop()
        if name not in kept and name in known:
            kept[name] = _trimmed(known[name])
            waiting += _named(kept[name])
    strangers = sorted(set(FIELDS) - set(kept))
    assert not strangers, f"the schema has no {', '.join(strangers)}"
    return "\n\n".join(graphql.print_ast(kept[name]) for name in sorted(kept))


def _trimmed(definition: Any) -> Any:
    """Return a definition with the fields and the members that are kept, and without texts."""
    import graphql

    class Quiet(graphql.Visitor):
        def enter(self, node: Any, *_: object) -> Any:
            bare = {
                name: empty
                for name, empty in {"description": None, "directives": ()}.items()
                if getattr(node, name, None)
            }
            return replace(node, **bare) if bare else None

    name, parts = definition.name.value, {}
    if definition.kind in {"object_type_definition", "interface_type_definition"}:
        assert name in FIELDS, f"FIELDS does not say what is kept of {name}"
        wanted = FIELDS[name].split()
        parts["fields"] = tuple(field for field in definition.fields if field.name.value in wanted)
        missing = set(wanted) - {field.name.value for field in parts["fields"]}
        assert not missing, f"{name} has no {', '.join(missing)}"
        parts["interfaces"] = tuple(each for each in definition.interfaces or () if each.name.value in FIELDS)
    if definition.kind == "union_type_definition":
        parts["types"] = tuple(each for each in definition.types if each.name.value in FIELDS)
    return graphql.visit(replace(definition, **parts), Quiet())


def _named(definition: Any) -> Iterator[str]:
    """Return the names of the types a definition refers to."""
    import graphql

    found: list[str] = []

    class Names(graphql.Visitor):
        def enter_named_type(self, node: Any, *_: object) -> None:
            found.append(node.name.value)

    graphql.visit(definition, Names())
    yield from found


if __name__ == "__main__":
    main()
