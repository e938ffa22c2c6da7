"""Who may do what: every right as `noun:verb`, and the rights each role has."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a member of staff does in the agency."""

    WRITER = "writer"
    APPROVER = "approver"
    ADMIN = "admin"


_READ: Final = frozenset(
    {
        "start:see",
        "campaign:read",
        "contact:read",
        "segment:read",
        "import:read",
        "inbound:read",
        "account:change",
    }
)
_WRITE: Final = frozenset(
    {
        "campaign:write",
        "campaign:submit",
        "campaign:test",
        "contact:write",
        "contact:delete",
        "contact:import",
        "contact:reveal",
        "contact:merge",
        "segment:write",
        "inbound:close",
    }
)
_APPROVE: Final = frozenset({"campaign:approve", "campaign:control"})
# "contact:names": names in full on screens. "count:small": numbers under ten, which may point at somebody.
_MANAGE: Final = frozenset(
    {"agency:manage", "sender:manage", "contact:names", "contact:erase", "contact:export", "count:small"}
)

RIGHTS: Final[dict[Role, frozenset[str]]] = {
    Role.WRITER: _READ | _WRITE,
    Role.APPROVER: _READ | _APPROVE,
    Role.ADMIN: _READ | _WRITE | _APPROVE | _MANAGE,
}
ALL_RIGHTS: Final = frozenset().union(*RIGHTS.values())


def may(role: str, right: str) -> bool:
    """Whether someone in `role` has `right`; raises ValueError for a right nobody has written down."""
    if right not in ALL_RIGHTS:
        raise ValueError(f"no such right: {right}")
    return role in RIGHTS and right in RIGHTS[Role(role)]
