"""Chaos: the whole gateway while everything around and in it breaks, and a checker that is told
nothing by it."""
