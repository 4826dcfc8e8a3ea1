"""Refuse what the rules of the hub do not allow, in GitHub's words; git runs it for every ref of a push."""

import json
import re
import subprocess
import sys
from pathlib import Path

_WORDS = {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}


def concerns(condition, name, default):
    """Whether a ruleset is about a ref."""
    included, excluded = (any(_fits(each, name, default) for each in condition[key]) for key in ("include", "exclude"))
    return included and not excluded


def _fits(pattern, name, default):
    if pattern in {"~ALL", "~DEFAULT_BRANCH"}:
        return pattern == "~ALL" or name == default
    parts = re.split(r"(\*\*/?|\*|\?)", pattern)
    return bool(re.fullmatch("".join(_WORDS.get(part, re.escape(part)) for part in parts), name))


def main(name, old, new):
    """Return without a word where a change is allowed."""
    rules = json.loads(Path("hub.json").read_text())
    created, deleted = not old.strip("0"), not new.strip("0")
    changed = not created and not deleted
    command = ["git", "merge-base", "--is-ancestor", old, new]
    rewound = changed and name.startswith("refs/heads/") and subprocess.run(command, check=False).returncode != 0
    forbidden = {
        "creation": (created, "Cannot create ref due to creations being restricted."),
        "update": (changed, "Cannot update this protected ref."),
        "deletion": (deleted, "Cannot delete this protected ref."),
        "non_fast_forward": (rewound, "Cannot force-push to this branch."),
        "pull_request": (changed, "Changes must be made through a pull request."),
        "required_signatures": (not deleted, "Commits must have verified signatures."),
    }
    if name in rules["protected"]:
        kinds = ["deletion", "non_fast_forward", *(["pull_request"] if rules["protected"][name] else [])]
        _judge("GH006: Protected branch update failed", name, [forbidden[kind] for kind in kinds])
    kinds = ["creation"] if name in rules["burned"] else ["update", "deletion"] if name in rules["immutable"] else []
    for ruleset in rules["rulesets"]:
        if concerns(ruleset, name, rules["default"]):
            kinds += [kind for kind in ruleset["rules"] if kind in forbidden]
    address = f"Review all repository rules at {rules['page']}/rules?ref={name.replace('/', '%2F')}"
    _judge("GH013: Repository rule violations found", name, [forbidden[kind] for kind in kinds], address)


def _judge(what, name, rules, more=""):
    if said := [said for applies, said in rules if applies]:
        sys.exit("\n".join([f"error: {what} for {name}.", *filter(None, [more]), *(f"\n- {each}" for each in said)]))


if __name__ == "__main__":
    main(*sys.argv[1:4])
