"""Arrow files (IPC file, Feather) and streams, as `datasets` saves them: a row is a document."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from domainstudio.corpus.readers.items import Item, TooLarge

if TYPE_CHECKING:
    import pyarrow as pa

_FILE_MAGIC = b"ARROW1"


def read(stream: BinaryIO, origin: str, text_field: str) -> Iterator[Item]:
    """Yield one document or rejection per row; `position` is the row from 1.

    Raises:
        ValueError: the file is damaged.
        TooLarge: it takes more memory than there is, or expands too far.
    """
    import pyarrow as pa

    magic = stream.read(len(_FILE_MAGIC))
    size_bytes = stream.seek(0, 2)
    stream.seek(0)
    if not magic:
        return
    try:
        with pa.PythonFile(stream, mode="r") as source:
            is_file = magic == _FILE_MAGIC
            yield from _documents(source, origin, text_field, is_file, size_bytes)
    except pa.ArrowMemoryError as error:
        raise TooLarge(str(error)) from error
    except (pa.ArrowException, KeyError) as error:
        raise ValueError(str(error)) from error


def _documents(
    source: "pa.PythonFile", origin: str, text_field: str, is_file: bool, size_bytes: int
) -> Iterator[Item]:
    """Read batch by batch: mapped into memory, the whole file would count as this program's memory."""
    import pyarrow as pa

    from domainstudio.corpus.readers import columns

    opened = pa.ipc.open_file if is_file else pa.ipc.open_stream
    with opened(source) as reader:
        schema = reader.schema
    names = columns.wanted(schema, text_field)
    if names is None:
        yield columns.missing(schema, origin, text_field)
        return
    fields = [schema.get_field_index(name) for name in names]
    source.seek(0)
    options = pa.ipc.IpcReadOptions(included_fields=sorted(fields), use_threads=False)
    with opened(source, options=options) as reader:
        if is_file:
            numbers = range(reader.num_record_batches)
            batches = (reader.get_batch(number) for number in numbers)
        else:
            batches = iter(reader)
        wanted = (columns.checked(batch.select(names)) for batch in batches)
        yield from columns.documents(wanted, origin, text_field, size_bytes)
