"""From a conversation to a stored response, its comments and its tallies."""
