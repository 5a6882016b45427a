"""Jobs: rows that are the truth about them, the dispatcher that alone writes the rows, and the Executor seam that runs attempts.

A job's life:  queued -> running -> done | failed | cancelled;  running -> queued again when its lane or the server died (3 attempts at most).
No torch here.
"""
