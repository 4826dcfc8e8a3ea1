"""The ways to carry on after a kill, each with all that has to be so in the end; the names are those of the table."""

from world import FIRST, LATER, RELEASE, ROLLBACK, SEVERE, TAG, Ground

__all__ = ["ENDINGS", "resumed", "resumed_elsewhere", "taken_back", "taken_back_elsewhere"]


def resumed(ground: Ground) -> str:
    """Give the same command again in the same clone, at another time: the result is that of the first time."""
    world, place, begun = ground.world, ground.place, ground.world.begun()
    _done(world.finish(*RELEASE))

    wanted = ground.undisturbed[begun or "later"]
    _same(_without_index(place.snapshot()), _without_index(wanted.world))
    _same(world.report(place), wanted.report)
    _same(world.left(place), wanted.left)
    return "converged"


def resumed_elsewhere(ground: Ground) -> str:
    """Give the same command in a fresh clone, which has no journal and sees what is marked as ours."""
    world, marked, public = ground.world, ground.world.marked(), ground.world.public()
    fresh = world.clone()
    _done(world.finish(*RELEASE, at=fresh))

    wanted = ground.undisturbed[marked or "later"]
    seen = fresh.snapshot()
    for part in ("remote", "releases", "drafts", "files", "status"):
        _same(seen[part], wanted.world[part], part)
    _same(_own(seen["refs"]), seen["remote"], "refs")
    told = world.report(fresh)
    if public != "hidden":
        # The gates said yes on another machine, before the push; nobody was here to hear them.
        _same(told.pop("gates"), [], "gates")
    _same(told, {name: wanted.report[name] for name in told}, "report")
    return "converged"


def taken_back(ground: Ground, public: str | None = None, *, late: bool = False) -> str:
    """Roll back in the same clone, twice.

    `public` says how far the release was when it was taken back first; with `late` a push may still arrive.
    """
    begun = ground.world.begun() or (public and "first")
    return _taken_back(ground, ground.place, begun, public or ground.world.public(), late=late)


def taken_back_elsewhere(ground: Ground) -> str:
    """Roll back from a fresh clone, twice."""
    marked, public = ground.world.marked(), ground.world.public()
    return _taken_back(ground, ground.world.clone(), marked, public)


ENDINGS = {
    "resumed": resumed,
    "taken back": taken_back,
    "resumed elsewhere": resumed_elsewhere,
    "taken back elsewhere": taken_back_elsewhere,
}


def _taken_back(ground: Ground, place, begun: str | None, public: str, *, late: bool = False) -> str:
    world, before = ground.world, place.snapshot()
    if begun is None:
        _says(world.finish(*ROLLBACK, at=place), 2, "there is no release v1.1.0")
        _same(place.snapshot(), before)
        return "nothing to take back"
    if public == "published" and not world.going_back():
        _says(world.finish(*ROLLBACK, at=place), 2, "how severe is it?")
        _same(_without_private(place.snapshot()), _without_private(before))
    _done(world.finish(*(SEVERE if public == "published" else ROLLBACK), at=place))
    after = place.snapshot()
    if late and public == "hidden" and after["remote"] != before["remote"]:
        public = "pushed"
    if public == "hidden":
        _same(after, ground.before if place is ground.place else {**before, "drafts": []})
    else:
        _gone_back_in_public(ground, place, begun, public, after)
        _same({part: after[part] for part in _LOCAL}, {part: before[part] for part in _LOCAL})
        _same(_own(after["refs"]), _without_release(_own(before["refs"])), "refs")
    _nothing_left(world, place)
    _says(world.finish(*ROLLBACK, at=place), 0, "nothing is left to do")
    _same(place.snapshot(), after)
    return "rolled back"


_LOCAL = ("head", "index", "files", "status")


def _gone_back_in_public(ground: Ground, place, begun: str, public: str, after: dict[str, object]) -> None:
    """Check that all but the branch is as it was before the release, and what the branch says now."""
    _same((after["releases"], after["drafts"]), (ground.before["releases"], []), "forge")
    head, base, made = (
        refs["refs/heads/main"]
        for refs in (after["remote"], ground.before["remote"], ground.undisturbed[begun].world["remote"])
    )
    _same({**after["remote"], "refs/heads/main": base}, ground.before["remote"], "remote")

    def ask(*words: str) -> str:
        return place.git(*words, at=place.remote)

    _same(ask("rev-list", "--first-parent", f"{base}..{head}").split(), [head, made], "branch")
    if public == "pushed":
        _same(ask("rev-parse", f"{head}^{{tree}}"), ask("rev-parse", f"{base}^{{tree}}"), "tree")
    else:
        _same(ask("diff", "--name-only", made, head), "CHANGELOG.md", "changed")
        said = ask("show", f"{head}:CHANGELOG.md")
        day = (FIRST if begun == "first" else LATER)["CRASH_CLOCK"][:10]
        assert f"\n## [1.1.0] - {day} [YANKED]\n" in said, said


def _nothing_left(world, place) -> None:
    left = world.left(place)
    half_made = {"stage", "stage.json", "assets", "built", "built.json", "wheelhouse", "wheelhouse.json", "verify"}
    assert not half_made & set(left["area"]), left
    assert not [name for names in left.values() for name in names if name.startswith(".")], left


def _done(ended) -> None:
    assert ended.code == 0, f"ended with {ended.code}:\n{ended.said}"


def _says(ended, code: int, words: str) -> None:
    assert (ended.code, words in ended.said) == (code, True), f"ended with {ended.code}, not {code}:\n{ended.said}"


def _own(refs: dict[str, str]) -> dict[str, str]:
    """Return the refs but for what the clone remembers of its remote."""
    return {name: held for name, held in refs.items() if not name.startswith("refs/remotes/")}


def _without_release(refs: dict[str, str]) -> dict[str, str]:
    """Return the refs but for those the release has made."""
    return {name: held for name, held in refs.items() if TAG not in name}


def _without_index(snapshot: dict[str, object]) -> dict[str, object]:
    """Return a snapshot without the bytes of git's index, which hold times; the status says what is in it."""
    return {name: part for name, part in snapshot.items() if name != "index"}


def _without_private(snapshot: dict[str, object]) -> dict[str, object]:
    """Return a snapshot without private refs: whoever asks about a release may bring them back."""
    refs = {name: held for name, held in snapshot["refs"].items() if not name.startswith("refs/hephaestus/")}
    return {**snapshot, "refs": refs}


def _same(found, wanted, path: str = "world") -> None:
    """Compare two things part by part, so that the difference can be read."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        assert sorted(found) == sorted(wanted), f"{path}: {sorted(set(found) ^ set(wanted))} on one side only"
        for name in found:
            _same(found[name], wanted[name], f"{path} · {name}")
    else:
        assert found == wanted, f"{path}: {found!r}, not {wanted!r}"
