"""Log events of shared parts, kept off a command's output."""

import logging
import sys

import structlog


def quiet_logs() -> None:
    """Commands speak for themselves: log events would only repeat it, and must never reach stdout."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
