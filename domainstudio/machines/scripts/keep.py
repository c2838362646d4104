"""Keep a file that comes by stdin, whole or not at all: `keep.py TARGET SHA256`."""

import hashlib
import os
import sys


def main(target: str, digest: str) -> None:
    """Write it beside its place, check that all has arrived, then give it its lasting name."""
    parent, name = os.path.split(os.path.abspath(target))
    os.makedirs(parent, mode=0o700, exist_ok=True)
    draft = os.path.join(parent, ".new-%s" % name)
    found = hashlib.sha256()
    try:
        with open(draft, "wb") as out:
            for chunk in iter(lambda: sys.stdin.buffer.read(1 << 20), b""):
                found.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if found.hexdigest() != digest:
            sys.exit("it arrived damaged")
        os.rename(draft, target)
    except OSError as error:
        sys.exit(str(error))
    finally:
        if os.path.exists(draft):
            os.unlink(draft)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
