"""Qt's own words (file dialogs, context menus) in the person's language."""

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QTranslator

from domainstudio.language import preferred


def translate_qt() -> None:
    """Let Qt's own words (file dialogs, context menus) follow the person's language."""
    application = QCoreApplication.instance()
    assert application is not None

    for old in application.findChildren(QTranslator):
        application.removeTranslator(old)
        old.deleteLater()
    translator = QTranslator(application)
    place = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if translator.load(f"qtbase_{preferred()}", place):
        application.installTranslator(translator)
