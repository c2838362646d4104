"""Methods by name: what each changes, and what is refused."""

import pytest

from domainstudio.problems import UserError, sentence
from domainstudio.recipe.methods import DEFAULT_METHODS, KNOWN, interpolations, method_of, methods_of
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
        ("lora:16+rate:0.5", 0.0, {"method": "lora", "lora_rank": "16", "learning_rate": "0.0001"}),
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
    trained, ways = interpolations(DEFAULT_METHODS)
    assert [method_of(name, RECIPE).name for name in trained if name] and len(ways) == 9
    assert {
        name.partition(":")[0] for name in (*DEFAULT_METHODS, "kl", "expansion", "frozen", "control")
    } == set(KNOWN)


@pytest.mark.parametrize(
    ("names", "trained", "ways"),
    [
        (["ewc"], ["ewc"], ()),
        (["ewc", "interpolation:0.5", "interpolation:0.25"], ["naive", "ewc"], (0.25, 0.5)),
        (["interpolation:1", "interpolation:0"], ["naive"], ()),
    ],
)
def test_blends_need_the_naive_run_and_leave_its_ends_out(
    names: list[str], trained: list[str], ways: tuple[float, ...]
) -> None:
    assert interpolations(names) == (trained, ways)
