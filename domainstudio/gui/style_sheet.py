"""The one style sheet, resources/window.qss, in the colours of the theme that is shown."""

import re

from domainstudio.gui import theme
from domainstudio.language import RESOURCES


def style_sheet() -> str:
    """Return the style sheet with every token replaced by its colour."""
    text = (
        (RESOURCES / "window.qss")
        .read_text(encoding="utf-8")
        .replace("@icons", (RESOURCES / "icons").as_posix())
    )
    names = sorted(theme.token_names(), key=len, reverse=True)
    pattern = "|".join(name.replace(" ", "-") for name in names)
    return re.sub(f"@({pattern})", lambda found: theme.color(found[1].replace("-", " ")).name(), text)
