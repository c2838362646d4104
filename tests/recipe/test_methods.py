"""Methods by name: what each changes, and what is refused."""

import pytest

from domainstudio.problems import UserError, sentence
from domainstudio.recipe.methods import DEFAULT_METHODS, KNOWN, method_of, methods_of
from domainstudio.recipe.recipe import Recipe, change

RECIPE = change(Recipe(), {"learning_rate": "2e-4", "spring": "l2-sp"})


@pytest.mark.parametrize(
    ("name", "replay", "settings"),
    [
        ("control", 1.0, {}),
        ("naive", 0.0, {}),
        ("replay:0.25", 0.25, {}),
        ("ewc:1", 0.0, {"spring": "ewc", "spring_strength": "1"}),
        ("replay:0.1+l2-sp", 0.1, {"spring": "l2-sp", "spring_strength": "0.1"}),
        ("rate:0.5", 0.0, {"learning_rate": "0.0001"}),
    ],
)
def test_a_name_means_a_share_and_settings(name: str, replay: float, settings: dict[str, str]) -> None:
    found = method_of(name, RECIPE)
    assert (found.name, found.replay, found.settings) == (name, replay, settings)


@pytest.mark.parametrize("name", ["magic", "", "replay:1.5", "replay:x", "ewc:-1", "rate:x", "rate:99999"])
def test_a_name_that_means_nothing_is_refused_by_it(name: str) -> None:
    with pytest.raises(UserError) as refused:
        method_of(name, RECIPE)
    assert "{" not in sentence(refused.value.problem)


def test_the_control_is_always_among_them_and_nothing_twice() -> None:
    names = [method.name for method in methods_of(["naive", "ewc:1", "naive", "control"], RECIPE)]
    assert names == ["control", "naive", "ewc:1"]
    assert [method_of(name, RECIPE).name for name in DEFAULT_METHODS] == list(DEFAULT_METHODS)
    assert all(method_of(name, RECIPE) for name in KNOWN)
