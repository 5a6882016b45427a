"""The shop is open in every test of this folder."""

from tests.models.pull.shop import shop as shop
