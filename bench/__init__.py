"""make bench: what this machine does with Siang, next to a bare Flask on the same machine.

No figure here passes or fails: machines differ. What must not differ is right answers, and one
wrong one ends the run.
"""
