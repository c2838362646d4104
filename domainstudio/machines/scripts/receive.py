"""Take a bundle from stdin (a tar packed by zlib) and put it in place whole: `receive.py TARGET SHA256`."""

import hashlib
import io
import os
import shutil
import sys
import tarfile
import zlib


def main(target: str, digest: str) -> None:
    """Check that all has arrived, unpack it beside its place, then give it its lasting name."""
    data = zlib.decompress(sys.stdin.buffer.read())
    if hashlib.sha256(data).hexdigest() != digest:
        sys.exit("it arrived damaged")
    parent, name = os.path.split(os.path.abspath(target))
    os.makedirs(parent, mode=0o700, exist_ok=True)
    draft = os.path.join(parent, ".new-%s-%d" % (name, os.getpid()))
    try:
        unpack(data, draft)
        os.rename(draft, target)
    except OSError as error:
        if not os.path.isdir(target):  # otherwise another was faster
            sys.exit(str(error))
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def unpack(data: bytes, folder: str) -> None:
    """Write the files of a tar into a new folder; nothing but plain files within it is taken."""
    os.mkdir(folder, 0o700)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            parts = member.name.split("/")
            if not member.isfile() or "" in parts or ".." in parts:
                sys.exit("%r has no place in it" % member.name)
            file = os.path.join(folder, *parts)
            os.makedirs(os.path.dirname(file), exist_ok=True)
            source = archive.extractfile(member)
            assert source is not None
            with source, open(file, "wb") as out:
                shutil.copyfileobj(source, out)
                out.flush()
                os.fsync(out.fileno())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
