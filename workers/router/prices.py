"""What a reply cost, in US dollars: the model's own price first, litellm's price list second, else unknown."""

from typing import Any

from workers.router.routes import Candidate


class Prices:
    """Looks prices up once per model and configuration; unknown is None, never 0."""

    def __init__(self, litellm: Any) -> None:
        self._price_list: dict[str, dict[str, Any]] = litellm.model_cost
        self._known: dict[tuple[str, str], tuple[float, float] | None] = {}

    def cost_usd(self, candidate: Candidate, input_tokens: int | None, output_tokens: int | None) -> float | None:
        """The price of one reply; None when the tokens or the price are unknown."""
        if input_tokens is None or output_tokens is None:
            return None
        price = self._price(candidate)
        return None if price is None else input_tokens * price[0] + output_tokens * price[1]

    def _price(self, candidate: Candidate) -> tuple[float, float] | None:
        model = candidate.model
        if model.input_usd_per_million is not None and model.output_usd_per_million is not None:
            return model.input_usd_per_million / 1e6, model.output_usd_per_million / 1e6
        name = (candidate.provider.kind, model.remote_name)
        if name not in self._known:
            self._known[name] = self._listed(*name)
        return self._known[name]

    def _listed(self, kind: str, remote_name: str) -> tuple[float, float] | None:
        entry = self._price_list.get(f"{kind}/{remote_name}") or self._price_list.get(remote_name)
        if entry is None:
            return None
        prices = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
        return None if None in prices else (float(prices[0]), float(prices[1]))  # type: ignore[arg-type]
