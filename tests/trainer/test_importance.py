"""Importance: the Fisher of brute force, the path integral that adds up, and what is made of both."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from domainstudio.model.held_out import cross_entropy
from domainstudio.trainer import importance


class SmallNet(torch.nn.Module):
    """A causal language model of a thousand parameters: each token is predicted from the one before."""

    def __init__(self, vocabulary: int = 12, width: int = 10) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = torch.nn.Embedding(vocabulary, width)
        self.layers = torch.nn.ModuleList([torch.nn.Linear(width, width) for _ in range(2)])
        self.norm = torch.nn.LayerNorm(width)
        self.drop = torch.nn.Dropout(0.5)
        self.head = torch.nn.Linear(width, vocabulary)

    def forward(self, input_ids: torch.Tensor, use_cache: bool) -> SimpleNamespace:
        hidden = self.embed(input_ids)
        for layer in self.layers:
            hidden = torch.tanh(layer(hidden)) + hidden
        return SimpleNamespace(logits=self.head(self.norm(self.drop(hidden))))


def sequences(count: int, length: int = 9) -> list[torch.Tensor]:
    chooser = torch.Generator().manual_seed(1)
    return list(torch.randint(0, 12, (count, length), generator=chooser))


def test_fisher_equals_the_squared_gradients_of_single_tokens_summed_by_hand() -> None:
    model, texts, told = SmallNet(), sequences(5), list[int]()
    found = importance.fisher(model, texts, told.append)
    assert told == [1, 2, 3, 4, 5] and model.training
    assert all(weights.grad is None for weights in model.parameters())
    model.eval()
    names = [name for name, _ in model.named_parameters()]
    by_hand = {name: torch.zeros_like(weights) for name, weights in model.named_parameters()}
    for text in texts:
        total = {name: torch.zeros_like(weights) for name, weights in model.named_parameters()}
        logits = model(text[None, :-1], use_cache=False).logits[0]
        for place in range(len(text) - 1):
            likelihood = torch.log_softmax(logits[place], -1)[text[place + 1]]
            gradients = torch.autograd.grad(likelihood, list(model.parameters()), retain_graph=True)
            for name, gradient in zip(names, gradients, strict=True):
                total[name] += gradient
        for name in names:
            by_hand[name] += total[name] ** 2 / len(texts)
    for name in names:
        torch.testing.assert_close(found[name], by_hand[name], rtol=1e-5, atol=1e-5)


def test_labels_drawn_from_the_model_come_to_the_expectation_over_all_labels() -> None:
    model, text = SmallNet(), sequences(1, length=5)[0]
    chooser = torch.Generator().manual_seed(3)
    found = importance.fisher(model, [text] * 1000, lambda _done: None, chooser)
    model.eval()
    exact = {name: torch.zeros_like(weights) for name, weights in model.named_parameters()}
    chances = torch.log_softmax(model(text[None, :-1], use_cache=False).logits[0], -1)
    for place in range(len(text) - 1):
        for label in range(chances.shape[1]):
            gradients = torch.autograd.grad(
                chances[place, label], list(model.parameters()), retain_graph=True
            )
            for name, gradient in zip(exact, gradients, strict=True):
                exact[name] += float(chances[place, label].exp().detach()) * gradient**2
    for name, values in exact.items():
        assert float((found[name] - values).norm()) < 0.1 * float(values.norm()), name
    empirical = importance.fisher(model, [text], lambda _done: None)
    head = exact["head.weight"]
    assert float((empirical["head.weight"] - head).norm()) > 0.2 * float(head.norm())


def test_the_same_generator_draws_the_same_labels() -> None:
    model, texts = SmallNet(), sequences(6)

    def drawn(seed: int) -> torch.Tensor:
        chooser = torch.Generator().manual_seed(seed)
        return importance.fisher(model, texts, lambda _done: None, chooser)["head.weight"]

    assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))


def test_a_batch_would_have_another_fisher() -> None:
    model, texts = SmallNet().eval(), sequences(4)
    found = importance.fisher(model, texts, lambda _done: None)
    batch = torch.stack(texts)
    cross_entropy(model(batch[:, :-1], use_cache=False).logits, batch[:, 1:], reduction="sum").backward()
    assert not torch.allclose(found["head.weight"], model.head.weight.grad**2 / 4, rtol=0.1)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_contributions_add_up_to_the_fall_of_the_loss(kind: type[torch.optim.Optimizer]) -> None:
    model, batch = SmallNet().eval(), torch.stack(sequences(32))
    options = {"weight_decay": 0.3} if kind is torch.optim.AdamW else {}
    optimizer = kind(model.parameters(), lr=1e-3 if kind is torch.optim.AdamW else 0.02, **options)
    path = importance.PathIntegral(optimizer, list(model.parameters()))

    def loss() -> torch.Tensor:
        return cross_entropy(model(batch[:, :-1], use_cache=False).logits, batch[:, 1:])

    first = float(loss().detach())
    decay = 0.0
    for _step in range(40):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        if options:
            decay += sum(
                float((weights.grad * weights.detach()).sum()) * 1e-3 * 0.3 for weights in model.parameters()
            )
        optimizer.step()
    fall = first - float(loss().detach())
    made = sum(float(one.sum()) for one in path.contributions)
    assert fall > 0.02 and made == pytest.approx(fall - decay, rel=0.15), "what decay did is nobody's merit"
    path.remove()
    before = [one.clone() for one in path.contributions]
    optimizer.step()
    assert all(torch.equal(one, other) for one, other in zip(path.contributions, before, strict=True))


def test_a_short_pass_records_and_leaves_the_model_as_it_was() -> None:
    model, told = SmallNet(), list[int]()
    before = {name: weights.detach().clone() for name, weights in model.named_parameters()}
    batches = [torch.stack(sequences(8)) for _ in range(30)]
    found = importance.recorded(model, batches, 1e-3, 20, told.append)
    assert told[-1] == 20 and model.training
    assert all(torch.equal(weights, before[name]) for name, weights in model.named_parameters())
    assert all((values >= 0).all() for values in found.values())
    assert sum(float(values.sum()) for values in found.values()) > 0
    again = importance.recorded(model, batches, 1e-3, 20, told.append)
    assert all(torch.equal(found[name], again[name]) for name in found)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1e6, width=32), min_size=1, max_size=2000), st.integers(0, 2**31))
def test_normalised_importances_have_a_mean_of_one_and_no_giants(values: list[float], seed: int) -> None:
    made = {
        "one": torch.tensor(values),
        "two": torch.rand(500, generator=torch.Generator().manual_seed(seed)),
    }
    made["two"][0] = 1e9
    found = importance.normalised(made)
    everything = torch.cat(list(found.values())).double()
    assert float(everything.mean()) == pytest.approx(1, rel=1e-4)
    assert bool((everything >= 0).all()) and float(found["two"][0]) < 1e5
    nothing = importance.normalised({"one": torch.zeros(3)})
    assert nothing["one"].tolist() == [1, 1, 1]


def test_blocks_have_coefficients_of_mean_one_and_others_keep_theirs() -> None:
    made = {
        "model.embed_tokens.weight": torch.ones(4),
        "model.layers.0.mlp.weight": torch.full((5,), 1e-9),
        "model.layers.1.mlp.weight": torch.full((5,), 1.0),
        "model.layers.2.mlp.weight": torch.full((50,), 2.0),
        "lm_head.weight": torch.ones(4),
    }
    coefficients = importance.layer_coefficients(made)
    assert list(coefficients) == [0, 1, 2] and sum(coefficients.values()) == pytest.approx(3)
    assert coefficients[0] < coefficients[1] < coefficients[2] < 2.5, "decades apart, yet none takes all"
    found = importance.by_layers(made)
    assert torch.equal(found["lm_head.weight"], made["lm_head.weight"])
    assert float(found["model.layers.2.mlp.weight"][0]) == pytest.approx(2 * coefficients[2])
    assert importance.layer_coefficients({"head": torch.ones(2)}) == {}
    same = importance.layer_coefficients({"layers.0.w": torch.ones(3), "layers.1.w": torch.ones(7)})
    assert list(same.values()) == pytest.approx([1, 1])


def test_a_gradient_that_was_clipped_counts_as_it_was() -> None:
    def contributions(share: float) -> list[torch.Tensor]:
        model, batch = SmallNet().eval(), torch.stack(sequences(8))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02 / share)
        path = importance.PathIntegral(optimizer, list(model.parameters()), lambda: 1 / share)
        cross_entropy(model(batch[:, :-1], use_cache=False).logits, batch[:, 1:]).backward()
        for weights in model.parameters():
            weights.grad *= share
        optimizer.step()
        return path.contributions

    for one, other in zip(contributions(1.0), contributions(0.25), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-9)
