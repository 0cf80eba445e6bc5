"""Entry of the dashboard: page frame and navigation; no economics. Run it by `make app`."""

from pages.parts.frame.page import navigation, no_such_chart

navigation().run()
no_such_chart()
