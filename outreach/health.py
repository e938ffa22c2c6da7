"""Whether this process can work: asked by whoever watches the machine."""

import redis
from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from outreach.auth import public
from outreach.database import Connections

bp = Blueprint("health", __name__)


@bp.get("/health")
@public()
def health() -> ResponseReturnValue:
    """200 and `ok` when the database and Valkey answer; 503 and which one does not."""
    connections: Connections = current_app.extensions["connections"]
    parts = {"database": _database_answers(connections), "valkey": _valkey_answers(connections)}
    ok = all(parts.values())
    body = {"status": "ok" if ok else "unavailable"} | {name: "ok" if up else "down" for name, up in parts.items()}
    return jsonify(body), 200 if ok else 503


def _database_answers(connections: Connections) -> bool:
    try:
        with connections.engine.connect() as connection:
            return connection.scalar(text("SELECT 1")) == 1
    except SQLAlchemyError:
        return False


def _valkey_answers(connections: Connections) -> bool:
    try:
        return bool(connections.valkey.ping())
    except redis.RedisError:
        return False
