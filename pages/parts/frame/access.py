"""Who may do what, where people sign in: viewers look, presenters also save, analysts also bring files and start work.

Signing in is Streamlit's own OpenID Connect (``[auth]`` in ``.streamlit/secrets.toml``). Without it the dashboard is one person's, who
may do all. Roles come from a claim of the identity token or from a table of addresses::

    [firmtrade]
    claim = "roles"              # optional: a claim that holds a role or a list of them
    default_role = "viewer"      # of who signs in and has no other; "" turns them away

    [firmtrade.roles]
    analyst = ["ana@example.org", "*@statistics.example.org"]
    presenter = ["pat@example.org"]

A role is asked for where something is done, not only where its button stands: a message of one's own making does no more than a click.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

import streamlit as st

#: Roles, each with what it may do beside what those before it may.
ROLES: dict[str, tuple[str, ...]] = {"viewer": (), "presenter": ("save",), "analyst": ("upload", "work")}

#: What is done, in words.
DEEDS = {"save": "Saving and deleting", "upload": "Bringing files", "work": "Starting work"}

_REFUSED = "access_refused"


def configured() -> bool:
    """Whether people sign in here: Streamlit knows of nobody's signing in unless its ``[auth]`` is set."""
    return "is_logged_in" in _user()


def _user() -> Mapping[str, Any]:
    return st.user


def signed_in() -> bool:
    """Whether the reader has signed in, or nobody has to."""
    return not configured() or bool(_user().get("is_logged_in"))


def me() -> str | None:
    """Whom the library knows the reader by: the address, else issuer and subject; None where nobody signs in."""
    if not configured() or not signed_in():
        return None
    user = _user()
    return _address(user) or f"{user.get('iss', '')} {user.get('sub', '')}"


def _address(user: Mapping[str, Any]) -> str:
    """The reader's address, lower case; empty where the provider does not vouch for it."""
    if user.get("email_verified") is False or str(user.get("email_verified", "true")).lower() == "false":
        return ""
    return str(user.get("email") or "").strip().lower()


def role() -> str:
    """The reader's role; empty where there is none."""
    if not configured():
        return list(ROLES)[-1]
    return role_of(_user(), _settings()) if signed_in() else ""


def _settings() -> Mapping[str, Any]:
    try:
        found = st.secrets.get("firmtrade", {})
    except FileNotFoundError:
        return {}
    return found if isinstance(found, Mapping) else {}


def role_of(user: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """The highest role that a person's claim or address gives, else ``default_role``, a viewer's unless set; empty for none.

    Parameters
    ----------
    user
        Claims of the identity token.
    settings
        ``[firmtrade]`` of the secrets.
    """
    held = set(_listed(user.get(str(settings.get("claim") or ""))))
    address = _address(user)
    if address:
        domain = "*@" + address.rpartition("@")[2]
        for name, people in dict(settings.get("roles") or {}).items():
            if {address, domain} & {person.strip().lower() for person in _listed(people)}:
                held.add(str(name))
    for name in reversed(ROLES):
        if name in held:
            return name
    default = str(settings.get("default_role", "viewer"))
    return default if default in ROLES else ""


def _listed(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    return [str(one) for one in given] if isinstance(given, Iterable) else []


def may(deed: str) -> bool:
    """Whether the reader may ``save``, ``upload`` or start ``work``."""
    return deed in _allowed(role())


def _allowed(name: str) -> set[str]:
    names = list(ROLES)
    return {deed for one in names[: names.index(name) + 1] for deed in ROLES[one]} if name in ROLES else set()


def refusal(deed: str) -> str:
    """Why the reader may not, in words."""
    needed = next(name for name, deeds in ROLES.items() if deed in deeds)
    return (
        f"{DEEDS[deed]} takes the role of {needed}; you are signed in as {role() or 'nobody'}. "
        "Ask whoever runs this server for it."
    )


def refused(deed: str) -> bool:
    """Whether something is not to be done; the page then says why."""
    if may(deed):
        return False
    st.session_state[_REFUSED] = refusal(deed)
    # A part of a page that is drawn alone does not come past the notice.
    st.toast(refusal(deed), icon=":material/lock:")
    return True


def uploader(label: str, **options: Any) -> Any:
    """`st.file_uploader` for those who may bring files; others read why they may not, and nothing arrives."""
    if may("upload"):
        return st.file_uploader(label, **options)
    st.html(f'<p class="ft-quiet">{escape(label)}: {escape(refusal("upload"))}</p>')
    return [] if options.get("accept_multiple_files") else None


def gate(complain: Callable[[str, str], None]) -> None:
    """Stop the page for those who have not signed in or have no role; say what was refused to others.

    Parameters
    ----------
    complain
        Draws what happened and why.
    """
    if not configured():
        return
    if not signed_in():
        st.html('<h1 class="ft-sentence">Sign in to open this dashboard.</h1>')
        st.button("Sign in", icon=":material/login:", on_click=st.login, key="sign_in", type="primary")
        st.stop()
    if not role():
        complain(
            "No role",
            f"You are signed in as {me()}, who has no role here. Ask whoever runs this server for one.",
        )
        _sign_out(st)
        st.stop()
    if why := st.session_state.pop(_REFUSED, ""):
        complain("Not done", why)


def badge() -> None:
    """Who is signed in, as what, and the way out, in the sidebar."""
    if not configured():
        return
    st.sidebar.html(f'<p class="ft-quiet">Signed in: {escape(me() or "")}, {escape(role())}</p>')
    _sign_out(st.sidebar)


def _sign_out(place: Any) -> None:
    place.button("Sign out", icon=":material/logout:", on_click=st.logout, key="sign_out", type="tertiary")
