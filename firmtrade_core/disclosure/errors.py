"""What the wall says when it does not let something through."""


class DisclosureError(ValueError):
    """Something was asked that would reveal a firm, or tables that cannot be judged. The message never tells whom or how many."""
