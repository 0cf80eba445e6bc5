"""What can go wrong in a backtest."""


class BacktestError(ValueError):
    """A backtest cannot be made of what is there. The message says what is missing and where it comes from."""
