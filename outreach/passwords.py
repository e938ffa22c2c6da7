"""Hashes passwords as the sign-in checks them."""

from argon2 import PasswordHasher

from campaigns.errors import Invalid

SHORTEST = 12


def hash_password(password: str) -> str:
    """An argon2id hash; raises Invalid when the password is shorter than 12 characters or longer than 1,000."""
    if not SHORTEST <= len(password) <= 1000:
        raise Invalid("password", "password_length", shortest=SHORTEST)
    return PasswordHasher().hash(password)
