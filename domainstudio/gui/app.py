"""The application: one Qt event loop and one window."""

import os
import signal
import sys
from typing import TYPE_CHECKING

from domainstudio.language import translate as _
from domainstudio.language import use

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from domainstudio.gui.preferences import Preferences


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
    from domainstudio.gui.preferences import Preferences

    QApplication.setApplicationName("domainstudio")
    QApplication.setApplicationDisplayName("Domain Studio")
    QApplication.setDesktopFileName("domainstudio")
    preferences = Preferences()
    os.environ.setdefault("QT_SCALE_FACTOR", str(preferences.scale / 100))
    if preferences.language:
        use(preferences.language)
    return _show(QApplication(arguments), preferences)


def _show(application: "QApplication", preferences: "Preferences") -> int:
    from domainstudio.gui import crash, theme
    from domainstudio.gui.qt_language import translate_qt
    from domainstudio.gui.undo_keys import UndoKeys
    from domainstudio.gui.window import Window

    reporter = crash.CrashReporter(crash.log_file(), application)
    theme.apply(application)
    theme.choose(preferences.theme)
    translate_qt()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C in the terminal ends the window; its jobs go on
    UndoKeys(application)
    window = Window(preferences)
    window.show()
    window.reopen()
    code = application.exec()
    reporter.close()
    return code
