"""What a person is in their business: closed, so that it can say nothing of what happened to them."""

from enum import StrEnum


class Role(StrEnum):
    """A contact's part in a transport business or a shop."""

    OWNER = "owner"
    DRIVER = "driver"
    FARE_COLLECTOR = "fare_collector"
    DISPATCHER = "dispatcher"
