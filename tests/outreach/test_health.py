"""Whoever watches the machine learns which part is down."""

from dataclasses import replace

import redis
from sqlalchemy import create_engine


def test_all_is_well(client):
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "database": "ok", "valkey": "ok"}


def test_valkey_is_down(app, client, database, tmp_path):
    app.extensions["connections"] = replace(database, valkey=redis.Redis(unix_socket_path=f"{tmp_path}/nobody"))
    answer = client.get("/health")
    assert (answer.status_code, answer.json["valkey"], answer.json["database"]) == (503, "down", "ok")


def test_the_database_is_down(app, client, database, tmp_path):
    dead = create_engine(f"postgresql+psycopg://outreach_app@/outreach?host={tmp_path}")
    app.extensions["connections"] = replace(database, engine=dead)
    answer = client.get("/health")
    assert (answer.status_code, answer.json["database"]) == (503, "down")
    dead.dispose()
