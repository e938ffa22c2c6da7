"""What a person is in their business: closed, so that it can say nothing of what happened to them."""

from enum import StrEnum

from campaigns.rules.spelling import key


class Role(StrEnum):
    """A contact's part in a transport business or a shop."""

    OWNER = "owner"
    DRIVER = "driver"
    FARE_COLLECTOR = "fare_collector"
    DISPATCHER = "dispatcher"


# Beginnings of folded words, so that every ending is caught: `cobradora`, `choferes`.
_BEGINNINGS = (
    (Role.FARE_COLLECTOR, ("cobrador", "fare collector", "collector", "conductor cobrador", "jalador")),
    (Role.DISPATCHER, ("despachador", "dateador", "datero", "dispatch", "controlador", "coordinador de ruta")),
    (Role.DRIVER, ("conductor", "chofer", "piloto", "driver", "taxista", "mototaxista", "transportista")),
    (Role.OWNER, ("duen", "propietari", "owner", "titular", "empresari", "gerente", "administrador", "representante",
                  "proprietor")),
)  # fmt: skip


def read_role(cell: str) -> Role | None:
    """The role a cell names in Spanish or English; None for anything else, which is not kept."""
    text = key(cell[:60])
    return next((role for role, beginnings in _BEGINNINGS if text.startswith(beginnings)), None)
