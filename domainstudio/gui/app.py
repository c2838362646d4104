"""The application: one Qt event loop and one window."""

import sys

from domainstudio.language import translate as _


def run(arguments: list[str]) -> int:
    """Open the window and return the exit code when it is closed."""
    try:
        from PySide6.QtWidgets import QApplication
    except ImportError as error:
        message = _(
            "The window needs domainstudio[gui] and Qt's system libraries ({reason}); commands: --help."
        )
        print(message.format(reason=error), file=sys.stderr)
        return 2
    from domainstudio.gui import theme
    from domainstudio.gui.window import Window

    application = QApplication(arguments)
    application.setApplicationName("Domain Studio")
    theme.apply(application)
    window = Window()
    window.show()
    return application.exec()
