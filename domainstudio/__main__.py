"""`domainstudio`: the window, or with arguments a command."""

import sys


def main() -> int:
    """Run what the arguments ask for and return the exit code."""
    if len(sys.argv) == 1:
        from domainstudio.gui.app import run

        return run(sys.argv)
    from domainstudio.cli.main import run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
