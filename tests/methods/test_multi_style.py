"""The method of many styles: its controls on a random network of three."""

import pytest
import torch

from huafang import methods
from huafang.errors import BadInput
from tests.nets import feedforward_methods
from tests.nets.test_multi_style import random_state


def sample(bench) -> dict:
    return feedforward_methods.values(bench, "multi_style", random_state)


def painted(bench, **settings) -> torch.Tensor:
    return feedforward_methods.painted(bench, "multi_style", sample(bench) | settings)


@pytest.mark.parametrize("promise", feedforward_methods.PROMISES)
def test_the_method_keeps_its_promises(bench, promise):
    promise(bench, "multi_style", sample(bench))


def test_styles_are_counted_from_one_and_mixed_by_their_shares(bench):
    one, two = painted(bench), painted(bench, styles=[2])
    assert float((one - two).abs().mean()) > 0.01
    assert torch.equal(painted(bench, styles=[1, 2], style_weights=[1, 0]), one)
    assert torch.allclose(painted(bench, styles=[1, 2]), painted(bench, styles=[2, 1], style_weights=[3, 3]), atol=1e-5)
    assert torch.allclose(painted(bench, styles=[2, 2]), two, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"styles": [0]}, "styles: 0 came; styles are counted 1, 2, 3"),
        ({"styles": [1.5]}, "styles: 1.5 came"),
        ({"styles": [1, 2], "style_weights": [1]}, "style_weights: 1 came for 2 styles"),
        ({"styles": [1], "style_weights": [-1]}, "negative"),
        ({"styles": [1, 2], "style_weights": [0, 0]}, "above 0"),
    ],
)
def test_what_does_not_fit_is_refused_at_the_door(bench, wrong, why):
    with pytest.raises(BadInput, match=why):
        methods.build("multi_style", sample(bench) | wrong)


def test_a_style_that_the_network_lacks_is_refused(bench):
    with pytest.raises(BadInput, match="styles: 4 came, and this network holds the styles 1 to 3"):
        painted(bench, styles=[4])


def test_a_network_without_looks_paints_in_its_first_style_and_says_so(bench):
    result = methods.run(methods.build("multi_style", sample(bench) | {"look": "copper"}), bench.context())
    assert torch.equal(result.images[0], painted(bench, styles=[1]))
    assert [str(note) for note in result.notes] == [
        f"{sample(bench)['weights']} has no named looks: this is the first of its 3 styles; choose others by number"
    ]


def test_looks_stand_in_the_order_of_the_networks_styles(bench):
    build = methods.METHODS["multi_style"]
    content = bench.content
    assert build(content=content).numbers() == [20]
    assert build(content=content, look="soft_brush").numbers() == [1]
    assert build(content=content, look="dusk_impasto").numbers() == [26]
    assert build(content=content, look="copper", styles=(3, 4)).numbers() == [3, 4]
    assert build(content=content, styles=(3, 4), style_weights=(1, 3)).shares() == [0.25, 0.75]
