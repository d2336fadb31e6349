"""The door to every LLM: requests, replies, retries, money."""
