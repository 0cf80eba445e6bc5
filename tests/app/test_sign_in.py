"""Signing in by OpenID Connect: a small provider on this machine, roles, and what each may do."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2 as httpx
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.testing.v1 import AppTest

from firmtrade_core.cli.gateway import COOKIE
from firmtrade_core.paths import PROJECT
from pages.parts.frame import access
from tests.app.conftest import served
from tests.app.test_lab import html
from tests.limits import HANGS, own_port

TABLE = {
    "roles": {"analyst": ["ana@example.org", "*@statistics.example.org"], "presenter": "Pat@Example.org"}
}


@pytest.mark.parametrize(
    ("user", "settings", "expected"),
    [
        ({"email": "Ana@example.org"}, TABLE, "analyst"),
        ({"email": "bo@statistics.example.org"}, TABLE, "analyst"),
        ({"email": "bo@other.statistics.example.org"}, TABLE, "viewer"),
        ({"email": "pat@example.org"}, TABLE, "presenter"),
        ({"email": "ana@example.org", "email_verified": False}, TABLE, "viewer"),
        ({"email": "ana@example.org", "email_verified": "false"}, TABLE, "viewer"),
        ({"sub": "1"}, {}, "viewer"),
        ({"sub": "1"}, {"default_role": ""}, ""),
        ({"sub": "1"}, {"default_role": "king"}, ""),
        ({"roles": ["presenter", "other"]}, {"claim": "roles"}, "presenter"),
        ({"roles": "analyst"}, {"claim": "roles"}, "analyst"),
        ({"roles": "analyst"}, {}, "viewer"),
        ({"roles": {"analyst": False}, "email": ""}, {"claim": "missing"}, "viewer"),
        ({"email": "pat@example.org", "roles": ["analyst"]}, TABLE | {"claim": "roles"}, "analyst"),
    ],
)
def test_roles(user: dict[str, Any], settings: dict[str, Any], expected: str) -> None:
    assert access.role_of(user, settings) == expected


def test_where_nobody_signs_in_all_is_allowed() -> None:
    assert not access.configured() and access.signed_in() and access.me() is None
    assert all(access.may(deed) for deed in access.DEEDS)


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A reader of whom tests say who it is."""
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("FIRMTRADE_WORLD", raising=False)
    monkeypatch.setenv("FIRMTRADE_LIBRARY", f"sqlite:///{tmp_path}/library.sqlite")
    user: dict[str, Any] = {"is_logged_in": True, "email": "vi@example.org"}
    monkeypatch.setattr(access, "_user", lambda: user)
    monkeypatch.setattr(access, "_settings", lambda: TABLE)
    return user


def _page(name: str) -> AppTest:
    app = AppTest.from_file(str(PROJECT / "app.py")).run()
    app.switch_page(f"pages/{name}.py").run()
    assert not app.exception
    return app


def test_who_has_not_signed_in_sees_nothing_and_who_has_no_role_neither(
    signed_in: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in.clear()
    signed_in["is_logged_in"] = False
    app = _page("lab")
    assert "Sign in to open" in html(app) and "data-result" not in html(app)
    assert app.button(key="sign_in").label == "Sign in"
    signed_in |= {"is_logged_in": True, "email": "no@example.org"}
    monkeypatch.setattr(access, "_settings", lambda: {"default_role": ""})
    assert "no role here" in html(app.run()) and "data-result" not in html(app)


def test_a_viewer_looks_and_moves_but_starts_and_brings_nothing(signed_in: dict[str, Any]) -> None:
    app = _page("lab")
    assert "data-result" in html(app) and "vi@example.org, viewer" in html(app)
    methods = app.switch_page("pages/methods.py").run()
    run = next(button for button in methods.button if button.label.startswith("Run "))
    run.click().run()
    assert "Starting work takes the role of analyst; you are signed in as viewer" in html(methods)
    data = app.switch_page("pages/data.py").run()
    assert "Bringing files takes the role of analyst" in html(data)
    assert not data.get("file_uploader")


def test_a_scenario_belongs_to_who_saved_it(signed_in: dict[str, Any]) -> None:
    app = _page("compare")
    app.text_input(key="library_name").set_value("Plan").run()
    app.button(key="library_save").click().run()
    assert "Saving and deleting takes the role of presenter" in html(app)
    signed_in["email"] = "pat@example.org"
    app.text_input(key="library_name").set_value("Plan").run()
    app.button(key="library_save").click().run()
    assert "Saved as Plan" in html(app) and "saved by you" in html(app)
    delete = next(button for button in app.button if str(button.key).startswith("library_delete_"))
    assert not delete.disabled
    signed_in["email"] = "ana@example.org"
    app.run()
    assert "saved by pat@example.org" in html(app)
    delete = next(button for button in app.button if str(button.key).startswith("library_delete_"))
    assert delete.disabled
    app.text_input(key="library_name").set_value("plan").run()
    app.checkbox(key="library_replace").check().run()
    app.button(key="library_save").click().run()
    assert "was saved by pat@example.org, who alone may replace or delete it" in html(app)


# A provider on this machine ------------------------------------------------------------------------


class Provider:
    """OpenID Connect as far as signing in needs it; everybody who comes is the person named in ``person``."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.person: dict[str, Any] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
        self.codes: dict[str, str] = {}
        routes = [
            Route("/.well-known/openid-configuration", self.about),
            Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]),
            Route("/keys", self.keys),
        ]
        settings = uvicorn.Config(Starlette(routes=routes), port=port, log_level="error")
        self.server = uvicorn.Server(settings)
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    async def about(self, _: Request) -> JSONResponse:
        ways = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return JSONResponse(
            {
                "issuer": self.address,
                **{name: f"{self.address}/{path}" for name, path in ways.items()},
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def authorize(self, request: Request) -> RedirectResponse:
        code = secrets.token_hex(8)
        self.codes[code] = request.query_params["nonce"]
        answer = urlencode({"code": code, "state": request.query_params["state"]})
        return RedirectResponse(f"{request.query_params['redirect_uri']}?{answer}")

    async def token(self, request: Request) -> JSONResponse:
        form = await request.form()
        now = int(time.time())
        claims = {
            "iss": self.address,
            "aud": "firmtrade",
            "iat": now,
            "exp": now + 3600,
            "nonce": self.codes.pop(str(form["code"])),
            **self.person,
        }
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return JSONResponse(
            {"access_token": "none", "token_type": "Bearer", "expires_in": 600, "id_token": signed}
        )

    async def keys(self, _: Request) -> JSONResponse:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider(own_port())
    made.thread.start()
    while not made.server.started:
        time.sleep(0.02)
    yield made
    made.server.should_exit = True
    made.thread.join(HANGS)


def _seen(address: str, cookies: httpx.Cookies) -> str:
    """What a browser with these cookies is shown on the front page."""
    import websockets

    async def look() -> str:
        sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
        where = address.replace("http", "ws", 1) + "/_stcore/stream"
        async with websockets.connect(
            where,
            # The token against forged requests goes along as a second protocol, as Streamlit's own page sends it.
            subprotocols=["streamlit", *filter(None, [cookies.get("_streamlit_xsrf")])],
            origin=address,
            max_size=None,
            additional_headers={"Cookie": sent},
        ) as socket:
            opening = BackMsg()
            opening.rerun_script.page_name = ""
            await socket.send(opening.SerializeToString())
            words: list[str] = []
            async for raw in socket:
                message = ForwardMsg()
                message.ParseFromString(raw)
                if message.WhichOneof("type") == "delta":
                    element = message.delta.new_element
                    words += [element.html.body, element.button.label, element.exception.message]
                elif message.WhichOneof("type") == "script_finished":
                    break
            return re.sub(r"<[^>]+>", " ", " ".join(words))

    # In a thread of its own: browsers of other tests leave an event loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(asyncio.wait_for(look(), HANGS))).result()


@contextmanager
def _behind_one_address(port: int, environment: dict[str, str]) -> Iterator[str]:
    """Two servers as `make serve` starts them; its address."""
    command = [
        sys.executable, "-m", "firmtrade_core", "serve", "--workers", "2", "--host", "127.0.0.1", "--port", str(port)
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=PROJECT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert "firmtrade is at" in said, said
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(HANGS)


@pytest.mark.parametrize("servers", [1, pytest.param(2, marks=pytest.mark.truth)])
def test_people_sign_in_at_a_provider(provider: Provider, tmp_path: Path, servers: int) -> None:
    port = own_port()
    address, told = f"http://127.0.0.1:{port}", tmp_path / "secrets.toml"
    told.write_text(
        f"""
[auth]
redirect_uri = "{address}/oauth2callback"
cookie_secret = "{secrets.token_hex(16)}"
client_id = "firmtrade"
client_secret = "not checked by this provider"
server_metadata_url = "{provider.address}/.well-known/openid-configuration"

[firmtrade.roles]
analyst = ["ana@example.org"]
"""
    )
    environment = {
        "STREAMLIT_SECRETS_FILES": str(told),
        "FIRMTRADE_WORLD": "",
        "FIRMTRADE_BANDS": "off",
        "FIRMTRADE_LIBRARY": f"sqlite:///{tmp_path}/library.sqlite",
    }
    with ExitStack() as stack:
        if servers == 1:
            server = stack.enter_context(served(environment, port))
            assert server.address == address
        else:
            assert stack.enter_context(_behind_one_address(port, environment)) == address
        assert "Sign in to open this dashboard" in _seen(address, httpx.Cookies())
        for person, role in (("ana@example.org", "analyst"), ("vi@example.org", "viewer")):
            provider.person = {"sub": person, "email": person, "email_verified": True, "name": person}
            with httpx.Client(follow_redirects=True, timeout=HANGS) as browser:
                browser.get(f"{address}/_stcore/health")
                landed = browser.get(f"{address}/auth/login", params={"provider": _ticket(told)})
                assert urlsplit(str(landed.url)).path == "/"
                shown = _seen(address, browser.cookies)
                assert f"Signed in: {person}, {role}" in shown and "Sign in to open" not in shown
                if servers > 1:
                    # Whoever's server has ended comes to another one, and need not sign in again.
                    kept = int(browser.cookies[COOKIE])
                    elsewhere = httpx.Cookies({**dict(browser.cookies), COOKIE: str(1 - kept)})
                    assert f"Signed in: {person}, {role}" in _seen(address, elsewhere)
                forged = httpx.Cookies(
                    {
                        name: value if "xsrf" in name else value[:-4] + "AAAA"
                        for name, value in browser.cookies.items()
                    }
                )
                assert "Sign in to open this dashboard" in _seen(address, forged)


def _ticket(told: Path) -> str:
    """What the page's own button hands to the server: the provider's name, signed with the cookie's secret."""
    import tomllib

    from joserfc.jwk import OctKey

    secret = tomllib.loads(told.read_text())["auth"]["cookie_secret"]
    return jwt.encode(
        {"alg": "HS256"}, {"provider": "default", "exp": int(time.time()) + 3600}, OctKey.import_key(secret)
    )
