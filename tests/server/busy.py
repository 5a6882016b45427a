"""What a decoder's process may meet, as functions that it can import."""

import time


def burn(seconds: float) -> None:
    """Use so much processor time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def doze(seconds: float) -> None:
    time.sleep(seconds)
