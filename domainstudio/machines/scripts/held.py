"""Say which wheels a folder holds, whole: JSON of name → SHA-256. `held.py FOLDER`."""

import hashlib
import json
import os
import sys
from typing import Dict


def main(folder: str) -> None:
    """Read each wheel to its end."""
    found: Dict[str, str] = {}
    for name in sorted(os.listdir(folder) if os.path.isdir(folder) else []):
        if name.endswith(".whl"):
            digest = hashlib.sha256()
            with open(os.path.join(folder, name), "rb") as source:
                for chunk in iter(lambda: source.read(1 << 20), b""):
                    digest.update(chunk)
            found[name] = digest.hexdigest()
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
