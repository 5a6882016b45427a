import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Nets this small gain nothing from threads, and on a busy machine wait for one another at every layer."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
