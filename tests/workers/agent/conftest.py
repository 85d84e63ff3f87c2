"""The loop is tested with everything real around it."""

from tests.workers.router.conftest import configured
from tests.workers.running.conftest import alone, crew

__all__ = ["alone", "configured", "crew"]
