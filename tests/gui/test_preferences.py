"""Preferences as another process reads them."""

import subprocess
import sys
from pathlib import Path

from domainstudio.gui.preferences import Preferences


def test_another_process_reads_what_was_kept(tmp_path: Path) -> None:
    file = tmp_path / "preferences.ini"
    kept = Preferences(file)
    kept.language, kept.theme, kept.scale = "zh_CN", "dark", 150
    kept.remember_project("/data/民商法", 12.5)
    kept.remember_project("/data/second", 13.0)
    kept.keep_memory("/data/second", {"step": "runs", "panes": {"runs": {"x": [1, True, None]}}})
    kept.open_project = "/data/second"
    code = (
        "import sys\nfrom pathlib import Path\nfrom domainstudio.gui.preferences import Preferences\n"
        f"p = Preferences(Path({str(file)!r}))\n"
        "assert (p.language, p.theme, p.scale, p.open_project) == ('zh_CN', 'dark', 150, '/data/second')\n"
        "assert [one.folder for one in p.recent()] == ['/data/second', '/data/民商法']\n"
        "assert p.memory('/data/second') == {'step': 'runs', 'panes': {'runs': {'x': [1, True, None]}}}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_values_that_make_no_sense_count_as_absent(tmp_path: Path) -> None:
    file = tmp_path / "preferences.ini"
    file.write_text("[General]\nlanguage=klingon\ntheme=pink\nscale=1000\nrecent={{{\n")
    found = Preferences(file)
    assert (found.language, found.theme, found.scale) == ("", "system", 100)
    assert found.recent() == [] and found.memory("/x") == {}


def test_a_project_is_listed_once_and_can_be_forgotten(tmp_path: Path) -> None:
    found = Preferences(tmp_path / "p.ini")
    for number in range(30):
        found.remember_project(f"/p/{number % 25}", float(number))
    folders = [one.folder for one in found.recent()]
    assert len(folders) == 20 == len(set(folders)) and folders[0] == "/p/4"
    found.forget_project("/p/4")
    assert "/p/4" not in [one.folder for one in found.recent()]
