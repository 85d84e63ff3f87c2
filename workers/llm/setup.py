"""Import litellm without its network thread, its price-map download, its `.env` reading and its token downloads."""

import logging
import os
import sys
import warnings
from typing import Any, Final

from workers.llm.exchange import watch_exchanges

_BEFORE_IMPORT: Final = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_MODE": "PRODUCTION",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOG": "ERROR",
}


def import_litellm() -> Any:
    """The litellm module, set up once for this process. Takes 2-4 s of CPU the first time."""
    os.environ.update({name: os.environ.get(name, value) for name, value in _BEFORE_IMPORT.items()})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies' deprecations are not ours to mend
        import litellm
        from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler
    # Said later, when pydantic first reads one of litellm's types: nothing a person on call could do about it.
    warnings.filterwarnings("ignore", message=".*ReadOnly.*qualifier", category=UserWarning)

    watch_exchanges()
    AsyncHTTPHandler.single_connection_post_request = _not_again
    litellm.disable_hf_tokenizer_download = True
    litellm.suppress_debug_info = True
    litellm.drop_params = True  # a parameter one model of the chain does not know must not fail the job
    litellm.telemetry = False
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # it logs full requests, keys included
    return litellm


async def _not_again(*_: Any, **_request: Any) -> Any:
    """Takes the place of litellm's second request after a broken connection: the first may have been served and paid.

    Raises:
        BaseException: what broke the first one.
    """
    broken = sys.exception()
    raise broken if broken is not None else RuntimeError("litellm calls this only while it handles an error")
