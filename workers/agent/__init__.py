"""The agent loop: LLM reply, tool results, LLM reply, ... until an answer; every step journaled before the next."""
