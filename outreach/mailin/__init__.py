"""The SMTP receiver for what comes back to mails; `python -m outreach.mailin`."""
