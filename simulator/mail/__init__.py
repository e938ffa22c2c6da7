"""The mail side of the outside world: a server that takes mail, the mailboxes behind it, and what comes back."""
