"""What the product knows and does: people, texts, approval, sending, receipts, consent, staff and audit.

Nothing here knows Flask or the worker's queue; `outreach/` and `workers/` are the ways in.
"""
