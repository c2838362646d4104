"""The list of machines: kept with the person's settings, whole, refused when damaged."""

from pathlib import Path

import pytest

from domainstudio.machines import store
from domainstudio.machines.machine import Machine
from domainstudio.problems import UserError

GPU = Machine(name="gpu", destination="me@gpu")


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return store.settings_folder()


def code_of(raised: pytest.ExceptionInfo[UserError]) -> str:
    return raised.value.problem.code


def test_machines_are_added_listed_and_removed(settings: Path) -> None:
    assert store.machines() == []
    assert not settings.exists(), "reading makes nothing"
    store.add(GPU)
    store.add(Machine(name="a", destination="a", folder="/data/x"))
    assert [one.name for one in store.machines()] == ["a", "gpu"]
    assert store.machine("gpu") == GPU
    with pytest.raises(UserError) as raised:
        store.add(Machine(name="gpu", destination="other"))
    assert code_of(raised) == "machine.name_taken"
    assert store.remove("gpu") == GPU
    with pytest.raises(UserError) as raised:
        store.remove("gpu")
    assert code_of(raised) == "machine.unknown" and "a" in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b'{"version": 2, "machines": []}',
        b'{"machines": [{"name": "a", "destination": "-oProxyCommand=touch x"}]}',
        b'{"machines": [{"name": "a", "destination": "a", "options": ["x"]}]}',
    ],
)  # fmt: skip
def test_a_damaged_or_hostile_file_is_refused_and_left_as_it_is(settings: Path, content: bytes) -> None:
    settings.mkdir(parents=True)
    file = settings / "machines.json"
    file.write_bytes(content)
    for use in (store.machines, lambda: store.add(GPU), lambda: store.remove("a")):
        with pytest.raises(UserError) as raised:
            use()
        assert str(file) in str(raised.value)
    assert file.read_bytes() == content
