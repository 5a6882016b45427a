"""What may be downloaded over HTTP: models of the catalogue, whichever route is taken."""

import pytest

from huafang import methods
from huafang.errors import UnknownWeights
from huafang.jobs.store import Draft
from huafang.models import catalogue
from huafang.params import fields
from tests.server.conftest import problem

HUB = next(entry.hub for entry in catalogue.entries().values() if entry.hub)


@pytest.mark.parametrize("name", ["evil/repo", "candyy", HUB])
def test_only_names_of_the_catalogue_are_pulled(client, name):
    before = client.get("/api/queue").json()
    for answer in (
        client.post("/api/jobs", json={"params": {"method": "pull_weights", "name": name}}),
        client.post(f"/api/models/{name}/pull"),
    ):
        said = problem(answer, 404, "weights.unknown")
        assert f"there is no model '{name}' to pull" in said
        assert "candy" in said
        assert "command line" in answer.json()["hint"]
    assert client.get("/api/queue").json()["jobs"] == before["jobs"]


def test_an_old_job_that_pulls_anything_else_is_not_done_again(client, studio):
    row = studio.store.add(Draft("pull_weights", {"method": "pull_weights", "name": "evil/repo"}, [], "", "network"))
    studio.dispatcher.cancel(row.id)
    problem(client.post(f"/api/jobs/{row.id}/retry"), 404, "weights.unknown")


def test_a_model_of_the_catalogue_is_pulled_both_ways(client):
    for answer in (
        client.post("/api/jobs", json={"params": {"method": "pull_weights", "name": "candy"}}),
        client.post("/api/models/candy/pull"),
    ):
        assert answer.status_code == 201, answer.text
        assert answer.json()["method"] == "pull_weights"


def test_every_method_that_downloads_is_under_the_rule():
    """The rule looks at fields of kind "weights" of methods on the network lane; one that names its download in another way would slip through."""
    downloaders = [params_class for params_class in methods.METHODS.values() if params_class.lane == "network"]
    assert downloaders
    for params_class in downloaders:
        kinds = {spec.name: spec.kind for spec in fields(params_class)}
        assert kinds.pop(params_class.subject) == "weights"
        assert not {"text", "long_text", "weights"} & set(kinds.values())
        with pytest.raises(UnknownWeights):
            methods.check_downloads(params_class(**{params_class.subject: "evil/repo"}))
