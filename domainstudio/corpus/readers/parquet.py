"""Parquet files: a row is a document, taken from one column; row groups are read page by page."""

from collections.abc import Iterator
from typing import BinaryIO

from domainstudio.corpus.readers.items import Item, TooLarge

_BATCH_ROWS = 64
_BUFFER_BYTES = 1 << 20


def read(stream: BinaryIO, origin: str, text_field: str) -> Iterator[Item]:
    """Yield one document or rejection per row; `position` is the row from 1.

    Raises:
        ValueError: the file is damaged.
        TooLarge: it takes more memory than there is, or expands too far.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from domainstudio.corpus.readers import columns

    size_bytes = stream.seek(0, 2)
    stream.seek(0)
    try:
        with pq.ParquetFile(stream, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            names = columns.wanted(file.schema_arrow, text_field)
            if names is None:
                yield columns.missing(file.schema_arrow, origin, text_field)
                return
            batches = file.iter_batches(batch_size=_BATCH_ROWS, columns=names, use_threads=False)
            yield from columns.documents(batches, origin, text_field, size_bytes)
    except pa.ArrowMemoryError as error:
        raise TooLarge(str(error)) from error
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
