"""`huafang models`: what is on this machine, and what can be brought to it."""

import click


@click.group()
def models() -> None:
    """Models: list, pull, verify, remove."""
