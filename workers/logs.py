"""One line of JSON per event on stderr. Events carry ids and kinds, never texts, names, addresses or messages."""

import logging
import sys

import structlog


def to_stderr() -> None:
    """Send every logger's events there. What vendors' libraries say below a warning could hold addresses: left out."""
    stamp = structlog.processors.TimeStamper(fmt="iso")
    shared: list[structlog.typing.Processor] = [structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, stamp]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(), foreign_pre_chain=shared, keep_exc_info=False
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("twilio", "aiohttp", "asyncio", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
