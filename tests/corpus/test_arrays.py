"""Arrow arrays from Python values: equal to those of pyarrow, without loading pandas."""

import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domainstudio.corpus.arrays import array_of

VALUES = {
    pa.string(): st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.bool_(): st.none() | st.booleans(),
    pa.binary(16): st.binary(min_size=16, max_size=16),
}


@settings(deadline=None)
@given(st.sampled_from(list(VALUES)).flatmap(lambda kind: st.tuples(st.just(kind), st.lists(VALUES[kind]))))
def test_an_array_is_that_of_pyarrow(case: tuple[pa.DataType, list[Any]]) -> None:
    kind, values = case
    built = array_of(kind, values)
    built.validate(full=True)
    assert built.equals(pa.array(values, kind))


def test_another_type_is_refused() -> None:
    with pytest.raises(TypeError):
        array_of(pa.float32(), [1.0])


def test_writing_documents_loads_no_pandas(tmp_path: Any) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom domainstudio.corpus.documents import ShardWriter\n"
        "from domainstudio.corpus.readers import Document\nwriter = ShardWriter(Path(sys.argv[1]))\n"
        "writer.add(Document('text', 'a', 1))\nwriter.close()\nassert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
