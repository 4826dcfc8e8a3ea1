"""Proposing a release as a pull request: its branch is made, proven and pushed, and reviewers decide.

It is made in the stage as a release is, up to the gates; nothing is tagged, built or drafted. Its journal and its
private refs lie apart from those of releases, and both are gone once the pull request is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from hephaestus import candidate, git, journal, stage, system, versions
from hephaestus.bump import Bump
from hephaestus.candidate import STEPS, Proposal, Scene
from hephaestus.changelog import Changelog
from hephaestus.commit import Commit
from hephaestus.errors import ChecksFailed, Conflict, HephaestusError, NotConfirmed, Problem, UsageError
from hephaestus.gates import Gates
from hephaestus.make import Consent, Outcome, only_one
from hephaestus.plan import Observer, Plan, Step
from hephaestus.propose import Offer, Propose, PullRequest
from hephaestus.request import Request
from hephaestus.tag import Tag
from hephaestus.tree import Directory

__all__ = ["preview", "propose"]


def propose(
    request: Request, repository: git.Repository, observer: Observer, consent: Consent, *, urgent: bool = False
) -> Outcome:
    """Open the pull request of a release, or bring it up to date; the same command goes on after an interruption.

    `urgent` marks it as a hotfix, which a `hotfix/` branch does as well.
    Raises `ChecksFailed` with all problems before anything is changed, `InFlight` while a release is half-way in
    this clone, and `UsageError` where the forge has no pull requests.
    """
    with only_one(repository):
        scene = candidate.look(request, repository, urgent=urgent)
        if why := candidate.over(scene):
            return Outcome("merged", why)
        record, proposal = candidate.begun(scene, request.part)
        _check(_plan(scene, proposal, record, request.waived), scene, proposal, request, consent)
        if record is None:
            _tidy(scene, proposal)
            record = journal.create(candidate.journals(repository), proposal.tag, asdict(proposal))
        for gate, reason in request.waived.items():
            record.waive(gate, reason)
        return _walk(scene, proposal, record, observer, consent, request.until)


def preview(
    request: Request, repository: git.Repository, *, urgent: bool = False
) -> tuple[Proposal, Plan, list[Problem], str]:
    """Return what `propose` would do: the facts, the plan, the problems in its way, the text. Nothing is changed."""
    scene = candidate.look(request, repository, urgent=urgent)
    if why := candidate.over(scene):
        raise UsageError(why, candidate.onward(scene.at, scene.version))
    record, proposal = candidate.begun(scene, request.part)
    todo = _plan(scene, proposal, record, request.waived)
    problems = [*todo.check(), *_problems(scene, proposal)]
    return proposal, todo, list(dict.fromkeys(problems)), _pull_request(todo).offer.preview()


def _plan(scene: Scene, proposal: Proposal, record: journal.Journal | None, waived: Mapping[str, str]) -> Plan:
    """Return the plan of a proposal: its steps in order, and the journal of how far they came."""
    record = record or journal.Journal(Path(), asdict(proposal))
    return Plan(_steps(scene, proposal, {**record.waived, **waived}), record)


def _steps(scene: Scene, proposal: Proposal, waived: Mapping[str, str]) -> tuple[Step, ...]:
    repository, facts = scene.at.repository, scene.at.project
    where, remote = candidate.stage_of(scene.at, proposal), proposal.remote
    before, tree = git.Commit(repository, proposal.base), Directory(where.checkout.root)
    version, tag = proposal.version, proposal.tag
    message = facts.commit_message.format(version=version, tag=tag)
    earlier = versions.order(repository.reachable_tags(proposal.base), scene.at.template)
    previous = next((each for each in earlier if each[1] != tag), None)
    gates = Gates(where.checkout.root, where.area, waived, where)
    offer = Offer(
        repository,
        version,
        tag,
        previous,
        facts.changelog,
        base=proposal.made_from or proposal.base,
        target=proposal.target,
        onward=candidate.onward(scene.at, version),
        urgent=proposal.urgent,
        replaceable=bool(proposal.made_from),
        verdicts=gates.verdicts,
        waived=waived,
    )
    return (
        stage.Prepare(where, remote, prepared=False),
        Bump(before, tree, version),
        Changelog(before, tree, facts.changelog, version, proposal.date, tag, previous[1] if previous else None),
        Commit(where, message, version, proposal.time),
        gates,
        Propose(repository, remote, scene.name, where.commit_ref, proposal.expects, _again(proposal)),
        PullRequest(
            scene.pulls,
            offer,
            where.commit_ref,
            scene.name,
            _labels(scene, proposal),
            facts.github.assignees,
            facts.github.reviewers,
        ),
    )


def _labels(scene: Scene, proposal: Proposal) -> tuple[str, ...]:
    settings = scene.at.project.github
    urgent = (settings.urgent_label,) if proposal.urgent else ()
    return tuple(dict.fromkeys(filter(None, (*settings.labels, *urgent))))


def _again(proposal: Proposal) -> str:
    return f"hephaestus release --version {proposal.version} --pr"


def _pull_request(todo: Plan) -> PullRequest:
    return next(step for step in todo.steps if isinstance(step, PullRequest))


def _check(todo: Plan, scene: Scene, proposal: Proposal, request: Request, consent: Consent) -> None:
    """Raise all problems at once, a missing person to ask among them."""
    problems = todo.check()
    if not todo.journal.begun("propose"):
        problems += _problems(scene, proposal)
    hidden = request.until is not None and STEPS.index(request.until) < STEPS.index("propose")
    if not (consent or hidden or todo.journal.begun("propose")):
        problems.append(
            Problem("there is no terminal to ask before the pull request is opened", f"{_again(proposal)} --yes")
        )
    if problems:
        raise ChecksFailed(dict.fromkeys(problems))


def _problems(scene: Scene, proposal: Proposal) -> Iterable[Problem]:
    """Yield what no step asks: whether the version can be released once it is merged, and whether there is a merge."""
    at = scene.at
    tagging = Tag(
        at.stage(proposal), proposal.remote, proposal.version, at.template, at.project.changelog, proposal.mark
    )
    yield from tagging.check()
    try:
        # Without the branch: one that takes no push is what pull requests are for.
        yield from (finding.problem for finding in at.forge.examine(proposal.tag, None) if finding.problem)
    except HephaestusError as error:
        yield Problem(error.message, error.hint or "hephaestus release --help")
    if not scene.trunk:
        yield Problem(
            f"{scene.remote} has no branch {scene.target} that the pull request could be for",
            f"git push --set-upstream {scene.remote} {scene.target}",
        )
    elif at.repository.is_ancestor(proposal.base, scene.trunk) and candidate.says(at, proposal.base, proposal.version):
        yield Problem(
            f"{scene.target} on {scene.remote} says {proposal.version} already: there is nothing to review",
            candidate.onward(at, proposal.version),
        )


def _walk(  # noqa: PLR0913, PLR0917  (all that a walk needs; none of it belongs together elsewhere)
    scene: Scene, proposal: Proposal, record: journal.Journal, observer: Observer, consent: Consent, until: str | None
) -> Outcome:
    todo = _plan(scene, proposal, record, {})
    observer.planned(f"pull request for {proposal.tag}", [(step.name, step.describe()) for step in todo.steps])
    try:
        todo.run(observer, agree=lambda: _agree(scene, proposal, todo, consent), until=until)
    except HephaestusError as error:
        error.message += f"\n{_standing(record)}"
        error.hint = error.hint or _again(proposal)
        raise
    if not record.done(STEPS[-1]):
        said = f"stopped after {until}; {_standing(record)}; the same command without --until goes on"
        return Outcome("stopped", said, {"proposal": asdict(proposal), "until": until})
    outcome = _done(scene, proposal, todo)
    _tidy(scene, proposal)
    system.remove(record.path)
    return outcome


def _standing(record: journal.Journal) -> str:
    """Say what others can see of a proposal that is half-way."""
    if record.done("propose"):
        return "the release branch is pushed"
    return "the release branch may be pushed" if record.begun("propose") else "nothing is public"


def _agree(scene: Scene, proposal: Proposal, todo: Plan, consent: Consent) -> None:
    """Show what others will see, and ask once; where they see all of it already there is nothing to ask."""
    commit, opening = candidate.stage_of(scene.at, proposal).commit(), _pull_request(todo)
    if commit == proposal.expects and opening.stands():
        return
    hidden = [f"^{each}" for each in (scene.trunk, scene.head) if each]
    shown = ("log", "--no-show-signature", "--format=%h %s")
    new = scene.at.repository.line(*shown, str(commit), *hidden).splitlines()
    lines = [f"{scene.name} will be visible on {proposal.remote} and {scene.at.forge.place}:"]
    lines += [f"  commit {line}" for line in new]
    lines += [f"  {'the' if scene.is_open else 'a new'} pull request {opening.describe()}"]
    question = "\n".join(lines) + "\nMake it public?"
    if consent is None or not consent(question):
        raise NotConfirmed(f"{proposal.tag} was not proposed", f"{_again(proposal)} --yes")


def _done(scene: Scene, proposal: Proposal, todo: Plan) -> Outcome:
    """Say where the pull request is, and what comes next."""
    commit, found = candidate.stage_of(scene.at, proposal).commit(), scene.pulls.find(scene.name)
    if found is None or commit is None:
        raise Conflict(f"{scene.at.forge.place} does not show the pull request", _again(proposal))
    lines = [f"pull request #{found.number} is {'up to date' if scene.is_open else 'open'}: {found.url}"]
    if not proposal.made_from and scene.branch != scene.name:
        lines += _others(scene, proposal)
    lines += [f"Once it is merged, this releases it, in CI or here: {candidate.onward(scene.at, proposal.version)}"]
    verdicts = [vars(said) for said in _pull_request(todo).offer.verdicts(commit)]
    details = {"number": found.number, "url": found.url, "commit": commit, "gates": verdicts}
    return Outcome("proposed", "\n".join(lines), {"proposal": asdict(proposal), **details})


def _others(scene: Scene, proposal: Proposal) -> list[str]:
    """Say that the branch stays as others have left it, and how to bring what it lacks into it."""
    lines = [f"{scene.name} has commits of others and was left as it is; what was looked at is {proposal.base[:10]}."]
    if not scene.at.repository.is_ancestor(scene.base, proposal.base):
        merge = f"git switch {scene.name} && git merge {scene.branch} && {_again(proposal)}"
        lines += [f"What {scene.branch} has gained since is not in it; to add it: {merge}"]
    return lines


def _tidy(scene: Scene, proposal: Proposal) -> None:
    """Remove what a proposal, or an earlier one of this version, has left in the clone and beside it."""
    repository = scene.at.repository
    for ref, held in repository.refs(f"refs/hephaestus/{candidate.private(proposal)}/").items():
        repository.delete_ref(ref, held)
    candidate.stage_of(scene.at, proposal).remove()
