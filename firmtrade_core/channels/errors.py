"""What can go wrong when an effect is sought, one exception class per failure."""


class ChannelError(ValueError):
    """No effect can be estimated from these data. The message says what stands in the way and what would help."""


class SampleError(ChannelError):
    """Too few firms, or too few with and without the attribute. Pool years or sectors."""


class TreatmentError(ChannelError):
    """The attribute never varies, is missing throughout, or is fixed by the controls. Choose another."""


class DisguiseError(ChannelError):
    """An attribute or a control is the outcome in disguise. Leave it out, or lag it."""


class InstrumentError(ChannelError):
    """An instrument is missing throughout, never varies, or predicts nothing. Choose another."""


class OverlapError(ChannelError):
    """Firms with the attribute have no like among firms without it. Narrow the sample or drop controls."""


class MeasurementError(ChannelError):
    """The stated reliability cannot be true of these data. State a higher one."""


class PosteriorError(ChannelError):
    """The capability posterior was built without one of the predictors an effect needs. Build it with all."""
