"""What the responses say: summaries, weekly digests and the recount that proves the tallies."""
