"""``python -m firmtrade_core``: the command line."""

from firmtrade_core.cli.main import app

if __name__ == "__main__":
    app()
