"""The script inside a build environment: it calls the hooks of a build backend (PEP 517), each in a fresh process.

It is never imported. It is started with one argument, a JSON object:

    call      the first hook: its `name`, the `source` it runs in, `out` or null, the file for its `answer`
    backend   what `build-backend` says
    path      what `backend-path` says
    warm      names of modules to import before the first hook, so that each need not do so again
    sign      the line that is printed when an answer is written
    next      a file descriptor with further calls, one JSON object at a time, or null; its end is the end

Standard library alone, Python 3.10 and later, as it runs under the interpreter a wheel is built for.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    del sys.path[0]  # this directory: its modules must not stand in the way of the backend's

import contextlib
import importlib
import json
import os
import traceback
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main() -> int:
    """Call the first hook, and those that follow for as long as there are any; return the exit code."""
    job = json.loads(sys.argv[1])
    os.umask(0o022)
    sys.dont_write_bytecode = True
    os.chdir(job["call"]["source"])
    _load(job["warm"])
    call = job["call"]
    while call is not None:
        code = _apart(job, call) if hasattr(os, "fork") else _answer(job, call)
        if code:
            return code
        if not job["warm"]:
            _load(json.loads(Path(call["answer"]).read_text(encoding="utf-8"))["modules"])
        print(job["sign"], flush=True)  # noqa: T201  (that is how it is heard)
        call = json.loads(os.read(job["next"], 1 << 16) or b"null") if job["next"] is not None else None
    return 0


def _load(modules: list[str]) -> None:
    """Import modules of the environment here, so that no hook that follows need do so again."""
    for module in modules:
        with contextlib.suppress(Exception):  # it is loaded by the hook that needs it, or fails there
            importlib.import_module(module)


def _apart(job: dict[str, Any], call: dict[str, Any]) -> int:
    """Call a hook in a process of its own, which the standard asks for as hooks may change anything global."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        code = _answer(job, call)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _answer(job: dict[str, Any], call: dict[str, Any]) -> int:
    """Call a hook, write what it returned to the file for it, and return the exit code."""
    os.chdir(call["source"])
    try:
        value = _call(_backend(job, call["source"]), call)
    except BaseException as error:  # noqa: BLE001  (a backend may raise anything, SystemExit included)
        frames = error.__traceback__
        while frames is not None and frames.tb_next is not None and frames.tb_frame.f_code.co_filename == __file__:
            frames = frames.tb_next  # how the hook was called says nothing about what is wrong in it
        traceback.print_exception(type(error), error, frames)
        return 1
    answer = {"value": value, "modules": [] if job["warm"] else _modules()}
    Path(call["answer"]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


def _backend(job: dict[str, Any], source: str) -> Any:  # noqa: ANN401  (it is whatever the project says)
    sys.path[:0] = [str(Path(source, each)) for each in job["path"]]
    module, _, attributes = job["backend"].partition(":")
    backend = importlib.import_module(module)
    for attribute in filter(None, attributes.split(".")):
        backend = getattr(backend, attribute)
    return backend


def _call(backend: Any, call: dict[str, Any]) -> Any:  # noqa: ANN401  (as the standard has it)
    hook = getattr(backend, call["name"], None)
    if call["out"] is not None:
        if hook is None:
            raise AttributeError(f"the build backend has no hook {call['name']}")
        return hook(call["out"])
    return list(hook()) if hook is not None else []


def _modules() -> list[str]:
    """Return the modules that were loaded from the environment or the standard library, in the order of loading."""
    prefixes = (sys.prefix, sys.base_prefix)
    homes = tuple(home + os.sep for prefix in prefixes for home in (prefix, os.path.realpath(prefix)))
    origins = {name: getattr(getattr(module, "__spec__", None), "origin", None) for name, module in sys.modules.items()}
    return [name for name, origin in origins.items() if isinstance(origin, str) and origin.startswith(homes)]


if __name__ == "__main__":
    sys.exit(main())
