"""Say which versions of this program lie here, and remove old ones: `versions.py FOLDER KEPT [remove]`.

JSON of rows: name, size_bytes, is_used. Removed is what no process uses and is not KEPT.
"""

import glob
import json
import os
import shutil
import sys
from typing import Any, Dict, List


def size_of(folder: str) -> int:
    """Return the bytes of everything in a folder."""
    found = 0
    for parent, _, names in os.walk(folder):
        found += sum(os.lstat(os.path.join(parent, name)).st_size for name in names)
    return found


def used() -> str:
    """Return what the processes of this user have in their environment, all in one text."""
    texts = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat("/proc/" + entry).st_uid == os.getuid() and int(entry) != os.getpid():
                with open("/proc/%s/environ" % entry, "rb") as source:
                    texts.append(source.read().decode("utf-8", "replace"))
        except OSError:
            continue
    return "\0".join(texts)


def main(folder: str, kept: str, verb: str) -> None:
    """Tell, and remove if that is asked; where processes cannot be seen all count as used."""
    found: List[Dict[str, Any]] = []
    known = used() if os.path.isdir("/proc") else None
    for path in sorted(glob.glob(os.path.join(folder, "bundle-*"))):
        name = os.path.basename(path)
        is_used = name == kept or known is None or "/%s" % name in known
        found.append({"name": name, "size_bytes": size_of(path), "is_used": is_used})
        if verb == "remove" and not is_used:
            shutil.rmtree(path)
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], (sys.argv[3:] or [""])[0])
