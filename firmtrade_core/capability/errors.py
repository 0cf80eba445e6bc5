"""What can go wrong when capability is estimated, one exception class per failure."""


class CapabilityError(ValueError):
    """Capability cannot be estimated from these data. The message says what to change."""


class LeakageError(CapabilityError):
    """An attribute is the outcome in disguise: it would predict exports because it is made of them.

    Leave the named attribute out, or lag it.
    """


class NoAttributeError(CapabilityError):
    """No usable attribute is left. The message lists why each one was set aside."""


class SelectionError(CapabilityError):
    """Presence or absence never varies, so entry into markets cannot be estimated."""


class SampleError(CapabilityError):
    """Too few firms or sales for the model's parameters."""
