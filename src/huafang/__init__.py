"""Huafang (画坊): an AI creative image studio."""
