"""What a release relies on, whichever forge it is made on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hephaestus.errors import Conflict
from hephaestus.forge import Asset, Forge
from hephaestus.forge.github import GitHubForge

Made = Callable[..., Path]


def drafted(forge: Forge, tag: str, *, prerelease: bool = False) -> None:
    forge.draft(tag, title=f"Title of {tag}", body=f"Body of {tag}", prerelease=prerelease)


def published(forge: Forge, *tags: str, prerelease: bool = False) -> None:
    for tag in tags:
        drafted(forge, tag, prerelease=prerelease)
        forge.publish(tag)


def tags(forge: Forge) -> list[str]:
    return [listing.tag for listing in forge.published()]


def names(forge: Forge, tag: str) -> list[str]:
    listing = forge.find(tag)
    assert listing is not None
    return sorted(asset.name for asset in listing.assets)


def test_a_new_forge_has_no_releases_and_no_problems(forge: Forge) -> None:
    assert forge.place
    assert [finding for finding in forge.examine("v1.0.0", "main") if finding.problem] == []
    assert forge.find("v1.0.0") is None
    assert tags(forge) == []
    assert forge.latest() is None


def test_a_draft_is_found_by_its_tag_and_seen_by_nobody_else(forge: Forge) -> None:
    published(forge, "v1.0.0")
    drafted(forge, "v2.0.0")

    draft = forge.find("v2.0.0")
    assert draft is not None
    assert (draft.tag, draft.draft, draft.assets) == ("v2.0.0", True, ())
    assert tags(forge) == ["v1.0.0"]
    assert forge.latest() == "v1.0.0"


def test_title_body_and_mark_come_back_as_they_were_given(forge: Forge) -> None:
    body = "## Ünïcode 🎉\n\n* a | b\n\n```\n<b>&amp;</b> \\n\n```\n"
    forge.draft("v1.0.0rc1", title="1.0.0rc1 · “first”", body=body, prerelease=True)
    forge.publish("v1.0.0rc1")

    listing = forge.find("v1.0.0rc1")
    assert listing is not None
    assert (listing.title, listing.body, listing.prerelease, listing.draft) == (
        "1.0.0rc1 · “first”",
        body,
        True,
        False,
    )


def test_drafting_again_changes_the_words_and_keeps_the_assets(forge: Forge, made: Made) -> None:
    drafted(forge, "v1.0.0")
    forge.upload("v1.0.0", made("a.whl"))
    forge.draft("v1.0.0", title="Other", body="Words", prerelease=True)

    listing = forge.find("v1.0.0")
    assert listing is not None
    assert (listing.title, listing.body, listing.prerelease, listing.draft) == ("Other", "Words", True, True)
    assert names(forge, "v1.0.0") == ["a.whl"]


def test_a_published_release_cannot_be_drafted(forge: Forge) -> None:
    published(forge, "v1.0.0")
    before = forge.find("v1.0.0")
    with pytest.raises(Conflict):
        forge.draft("v1.0.0", title="Other", body="", prerelease=False)
    assert forge.find("v1.0.0") == before


def test_an_upload_is_recorded_with_size_and_sha256(forge: Forge, made: Made) -> None:
    drafted(forge, "v1.0.0")
    forge.upload("v1.0.0", made("a.whl", b"one two"))

    listing = forge.find("v1.0.0")
    assert listing is not None
    assert listing.assets == (Asset("a.whl", 7, hashlib.sha256(b"one two").hexdigest()),)


def test_the_same_bytes_can_be_uploaded_again(forge: Forge, made: Made) -> None:
    drafted(forge, "v1.0.0")
    forge.upload("v1.0.0", made("a.whl"))
    once = forge.find("v1.0.0")
    forge.upload("v1.0.0", made("a.whl"))
    assert forge.find("v1.0.0") == once


def test_other_bytes_under_the_same_name_are_refused(forge: Forge, made: Made, tmp_path: Path) -> None:
    drafted(forge, "v1.0.0")
    forge.upload("v1.0.0", made("a.whl", b"first"))
    with pytest.raises(Conflict):
        forge.upload("v1.0.0", made("a.whl", b"other"))
    assert forge.download("v1.0.0", "a.whl", tmp_path / "back").read_bytes() == b"first"


def test_a_discarded_name_is_free_for_other_bytes(forge: Forge, made: Made, tmp_path: Path) -> None:
    drafted(forge, "v1.0.0")
    forge.upload("v1.0.0", made("a.whl", b"first"))
    forge.discard("v1.0.0", "a.whl")
    assert names(forge, "v1.0.0") == []
    forge.upload("v1.0.0", made("a.whl", b"other"))
    assert forge.download("v1.0.0", "a.whl", tmp_path / "back").read_bytes() == b"other"


def test_discarding_what_is_not_there_is_no_error(forge: Forge) -> None:
    forge.discard("v1.0.0", "a.whl")
    drafted(forge, "v1.0.0")
    forge.discard("v1.0.0", "a.whl")
    assert names(forge, "v1.0.0") == []


def test_nothing_can_be_uploaded_where_there_is_no_draft(forge: Forge, made: Made) -> None:
    with pytest.raises(Conflict):
        forge.upload("v1.0.0", made("a.whl"))
    assert forge.find("v1.0.0") is None


def test_a_published_release_keeps_exactly_its_assets(forge: Forge, made: Made) -> None:
    drafted(forge, "v1.0.0")
    forge.upload("v1.0.0", made("a.whl"))
    forge.publish("v1.0.0")
    with pytest.raises(Conflict):
        forge.upload("v1.0.0", made("b.whl"))
    with pytest.raises(Conflict):
        forge.upload("v1.0.0", made("a.whl", b"other"))
    with pytest.raises(Conflict):
        forge.discard("v1.0.0", "a.whl")
    assert names(forge, "v1.0.0") == ["a.whl"]


def test_a_published_draft_is_a_release_with_its_assets(forge: Forge, made: Made) -> None:
    drafted(forge, "v1.0.0")
    forge.upload("v1.0.0", made("a.whl"))
    forge.upload("v1.0.0", made("b.tar.gz"))
    forge.publish("v1.0.0")

    listing = forge.find("v1.0.0")
    assert listing is not None
    assert not listing.draft
    assert listing.url
    assert names(forge, "v1.0.0") == ["a.whl", "b.tar.gz"]
    assert tags(forge) == ["v1.0.0"]
    assert forge.latest() == "v1.0.0"


def test_publishing_again_changes_nothing(forge: Forge) -> None:
    published(forge, "v1.0.0")
    once = forge.find("v1.0.0")
    forge.publish("v1.0.0")
    assert forge.find("v1.0.0") == once


def test_what_was_never_drafted_cannot_be_published(forge: Forge) -> None:
    with pytest.raises(Conflict):
        forge.publish("v1.0.0")
    assert tags(forge) == []


def test_a_back_port_does_not_become_the_latest(forge: Forge) -> None:
    published(forge, "v2.0.0", "v1.9.1")
    assert forge.latest() == "v2.0.0"


def test_versions_are_ordered_as_numbers(forge: Forge) -> None:
    published(forge, "v1.9.0", "v1.10.0", "v1.2.0")
    assert tags(forge) == ["v1.10.0", "v1.9.0", "v1.2.0"]
    assert forge.latest() == "v1.10.0"


@pytest.mark.parametrize("tag", ["v2.0.0rc1", "2.0.0a1", "v2.0.0.dev3", "name-2.0.0b2"])
def test_a_pre_release_by_its_version_is_never_the_latest(forge: Forge, tag: str) -> None:
    published(forge, "v1.0.0", tag)
    assert forge.latest() == "v1.0.0"
    assert tags(forge)[0] == tag


def test_a_pre_release_by_its_mark_is_never_the_latest(forge: Forge) -> None:
    published(forge, "v1.0.0")
    published(forge, "v2.0.0", prerelease=True)
    assert forge.latest() == "v1.0.0"


def test_a_forge_with_pre_releases_only_has_no_latest(forge: Forge) -> None:
    published(forge, "v1.0.0rc1")
    assert forge.latest() is None


def test_a_withdrawn_draft_is_gone(forge: Forge, made: Made) -> None:
    drafted(forge, "v1.0.0")
    forge.upload("v1.0.0", made("a.whl"))
    forge.withdraw("v1.0.0")
    assert forge.find("v1.0.0") is None


def test_a_withdrawn_release_is_gone_and_the_one_before_is_the_latest(forge: Forge) -> None:
    if not forge.can_withdraw:
        pytest.skip("this forge cannot take a published release back")
    published(forge, "v1.0.0", "v2.0.0")
    forge.withdraw("v2.0.0")
    assert forge.find("v2.0.0") is None
    assert tags(forge) == ["v1.0.0"]
    assert forge.latest() == "v1.0.0"


def test_withdrawing_what_is_not_there_is_no_error(forge: Forge) -> None:
    forge.withdraw("v1.0.0")
    drafted(forge, "v1.0.0")
    forge.withdraw("v1.0.0")
    forge.withdraw("v1.0.0")
    assert forge.find("v1.0.0") is None


def test_a_withdrawn_draft_can_be_made_anew_without_its_old_assets(forge: Forge, made: Made) -> None:
    drafted(forge, "v1.0.0")
    forge.upload("v1.0.0", made("a.whl", b"old"))
    forge.withdraw("v1.0.0")
    drafted(forge, "v1.0.0")
    assert names(forge, "v1.0.0") == []


def test_an_asset_comes_back_byte_for_byte_before_and_after_publishing(
    forge: Forge, made: Made, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 5000
    drafted(forge, "v1.0.0")
    forge.upload("v1.0.0", made("a.bin", data))
    assert forge.download("v1.0.0", "a.bin", tmp_path / "draft").read_bytes() == data
    forge.publish("v1.0.0")
    path = forge.download("v1.0.0", "a.bin", tmp_path / "release")
    assert path == tmp_path / "release" / "a.bin"
    assert path.read_bytes() == data


def test_an_empty_asset_is_an_asset(forge: Forge, made: Made, tmp_path: Path) -> None:
    if isinstance(forge, GitHubForge):
        pytest.skip("GitHub takes no empty file, and says so (test_github)")
    drafted(forge, "v1.0.0")
    forge.upload("v1.0.0", made("py.typed", b""))
    forge.publish("v1.0.0")
    assert forge.download("v1.0.0", "py.typed", tmp_path / "back").read_bytes() == b""


def test_what_is_not_there_cannot_be_downloaded(forge: Forge, tmp_path: Path) -> None:
    with pytest.raises(Conflict):
        forge.download("v1.0.0", "a.whl", tmp_path / "back")
    published(forge, "v1.0.0")
    with pytest.raises(Conflict):
        forge.download("v1.0.0", "a.whl", tmp_path / "back")


def test_releases_do_not_touch_each_other(forge: Forge, made: Made, tmp_path: Path) -> None:
    for tag in ("v1.0.0", "v1.0.1"):
        drafted(forge, tag)
        forge.upload(tag, made("same.whl", tag.encode()))
    forge.discard("v1.0.0", "same.whl")
    forge.publish("v1.0.1")
    assert names(forge, "v1.0.0") == []
    assert forge.download("v1.0.1", "same.whl", tmp_path / "back").read_bytes() == b"v1.0.1"


def test_a_tag_with_a_slash_is_a_tag_like_any_other(forge: Forge, made: Made, tmp_path: Path) -> None:
    drafted(forge, "name/v1.2.0")
    forge.upload("name/v1.2.0", made("a.whl"))
    forge.publish("name/v1.2.0")
    assert tags(forge) == ["name/v1.2.0"]
    assert forge.latest() == "name/v1.2.0"
    assert forge.find("name") is None
    assert forge.download("name/v1.2.0", "a.whl", tmp_path / "back").is_file()
