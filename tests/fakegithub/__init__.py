"""A GitHub of one repository, for tests: its REST and GraphQL APIs, its uploads and downloads, and git over http.

    with Hub(bare) as hub:
        hub.url, hub.token, hub.bare        where it is, who may, and the repository it serves
        hub.fail(Fault.CUT_AFTER, "POST", r"/releases$")
        hub.exchanges, hub.violations       what was said, and what GitHub's own descriptions do not allow

It answers as GitHub does wherever a client could notice. `Hub` is the place to start reading; each other
module is one subject of the API, and `judge` holds every exchange against what GitHub publishes about its APIs.
"""

from fakegithub.faults import Fault
from fakegithub.hub import Exchange, Hub

__all__ = ["Exchange", "Fault", "Hub"]
