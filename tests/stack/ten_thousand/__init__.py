"""Trials of delivery: providers that fail, workers that are killed, and an account to judge by."""
