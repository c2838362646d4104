"""Checksums of files by name, each read once: what was read is known again by size, time and inode.

Run here as a module, and on machines as a script by whatever Python 3 they have: standard library alone.
"""

import hashlib
import json
import os
import shutil
import sys

_CHUNK = 1 << 22


def checksums(folder, names, cache_file):
    """Return {name: [size, sha256]} of the files in `folder` that are there.

    Args:
        folder: what the names are relative to.
        names: relative, with slashes.
        cache_file: keeps what was read; one that is damaged is begun anew.
    """
    known = _known(cache_file)
    found, fresh = {}, False
    for name in names:
        path = os.path.realpath(os.path.join(folder, name))
        try:
            seen = os.stat(path)
            stamp = [seen.st_size, seen.st_mtime_ns, seen.st_ino]
            before = known.get(path)
            if before is None or before[:3] != stamp:
                before, fresh = stamp + [sha256(path)], True
                known[path] = before
        except OSError:
            continue
        found[name] = [before[0], before[3]]
    if fresh:
        _keep(cache_file, known)
    return found


def sha256(path):
    """Return the sha256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as source:
        for data in iter(lambda: source.read(_CHUNK), b""):
            digest.update(data)
    return digest.hexdigest()


def _known(cache_file):
    try:
        with open(cache_file, encoding="utf-8") as source:
            found = json.load(source)
        return {path: row for path, row in found.items() if len(row) == 4}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _keep(cache_file, known):
    """Write the cache whole, without files that are gone."""
    os.makedirs(os.path.dirname(cache_file) or ".", exist_ok=True)
    draft = f"{cache_file}.{os.getpid()}.tmp"
    try:
        with open(draft, "w", encoding="utf-8") as target:
            json.dump({path: row for path, row in known.items() if os.path.exists(path)}, target)
        os.replace(draft, cache_file)
    except OSError:  # a full disk: they are read once more next time
        if os.path.exists(draft):
            os.unlink(draft)


def main(folder, cache_file):
    """Answer on standard output what standard input asks: names in, checksums and free bytes out."""
    asked = json.load(sys.stdin)
    os.makedirs(folder, exist_ok=True)
    for name in asked.get("place", {}):
        _place(folder, name, asked["place"][name])
    answer = {"files": checksums(folder, asked["names"], cache_file), "free": shutil.disk_usage(folder).free}
    answer["below"] = list(_files(folder, asked["below"])) if asked.get("below") else []
    json.dump(answer, sys.stdout)


def _files(folder, top):
    """Yield the names of all files below a folder in `folder`, but of what is not whole yet."""
    for parent, folders, names in os.walk(os.path.join(folder, top)):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield os.path.relpath(os.path.join(parent, name), folder).replace(os.sep, "/")


def _place(folder, name, staged):
    """Give a file that has arrived its lasting name, if it is what it was said to be."""
    source, target = os.path.join(folder, staged), os.path.join(folder, name)
    if not os.path.exists(source):
        return
    if sha256(source) == os.path.basename(staged):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.replace(source, target)
    else:  # sent whole and yet another: nothing to go on with
        os.unlink(source)


if __name__ == "__main__":
    main(*sys.argv[1:3])
