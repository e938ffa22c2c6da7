"""Sealing, opening and blind indexes (DESIGN P4)."""

from dataclasses import replace

import pytest

from campaigns.settings import Settings
from campaigns.vault import Unsealable, Vault

OLD, NEW = bytes(range(32)), bytes(range(1, 33))
SETTINGS = Settings(seal_keys={1: OLD}, index_keys={1: OLD})


def test_what_is_sealed_opens_again_and_does_not_show():
    vault = Vault(SETTINGS)
    sealed = vault.seal("Ñusta Quispe 🙂", 7)
    assert vault.open(sealed, 7) == "Ñusta Quispe 🙂"
    assert b"Quispe" not in sealed
    assert vault.seal("Ñusta Quispe 🙂", 7) != sealed


def test_another_agencys_value_does_not_open():
    vault = Vault(SETTINGS)
    with pytest.raises(Unsealable):
        vault.open(vault.seal("+51987654321", 7), 8)


def test_a_rotated_key_still_opens_and_a_lost_one_does_not():
    sealed = Vault(SETTINGS).seal("x", 1)
    rotated = Vault(replace(SETTINGS, seal_keys={2: NEW, 1: OLD}))
    assert rotated.open(sealed, 1) == "x"
    assert rotated.seal("x", 1)[0] == 2
    with pytest.raises(Unsealable):
        Vault(replace(SETTINGS, seal_keys={2: NEW})).open(sealed, 1)


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\x01" + b"0" * 40, b"\x09" + b"0" * 40])
def test_damaged_values_raise_the_one_error(damage):
    with pytest.raises(Unsealable):
        Vault(SETTINGS).open(damage, 1)


def test_indexes_find_under_every_key_and_words_differ_by_agency():
    old, both = Vault(SETTINGS), Vault(replace(SETTINGS, index_keys={2: NEW, 1: OLD}))
    assert old.address_index("+51987654321") in both.address_indexes("+51987654321")
    assert both.address_index("+51987654321") == both.address_indexes("+51987654321")[0]
    assert old.word_index("quispe", 1) != old.word_index("quispe", 2)


def test_keys_never_show():
    assert "000102" not in repr(SETTINGS)
    assert repr(OLD) not in repr(SETTINGS)
    with pytest.raises(ValueError, match="at least one"):
        Vault(Settings())


def test_many_values_are_sealed_as_one_is():
    vault = Vault(SETTINGS)
    seal = vault.sealer(7)
    sealed = [seal("Rosa Ñahui") for _ in range(600)]
    assert {vault.open(one, 7) for one in sealed} == {"Rosa Ñahui"}
    assert len({one[1:13] for one in sealed}) == 600  # no nonce twice
    with pytest.raises(Unsealable):
        vault.open(sealed[0], 8)
