"""`python -m huafang`."""

from huafang.processes import import_nothing_from_here

if __name__ == "__main__":
    import_nothing_from_here(by_module=True)

    from huafang.start import start  # the path comes first

    start()
