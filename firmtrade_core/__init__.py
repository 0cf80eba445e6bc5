"""What firms' differences do to international trade: the library behind the dashboard.

Importing the package is cheap; each room is imported where it is needed.
"""

__version__ = "0.1.0"
