"""The one style sheet, resources/window.qss, in the colours it is given."""

import re
from collections.abc import Mapping

from domainstudio.language import RESOURCES


def style_sheet(colors: Mapping[str, str]) -> str:
    """Return the style sheet with every token replaced by its colour."""
    text = (RESOURCES / "window.qss").read_text(encoding="utf-8")
    text = text.replace("@icons", (RESOURCES / "icons").as_posix())
    names = {token.replace(" ", "-"): value for token, value in colors.items()}
    pattern = "|".join(sorted(names, key=len, reverse=True))
    return re.sub(f"@({pattern})", lambda found: names[found[1]], text)
