"""A scenario in an address: short, versioned, checked.

A code is the version, a dot, and base64url of a header and a body. The header holds the body's length (so
that a link cut short is told from one that was altered) and a checksum of it; the body is the scenario's
canonical JSON, deflated against a fixed dictionary of the words that scenarios are made of.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from typing import Any

from firmtrade_core.labels import grouped
from firmtrade_core.labels.units import in_percent
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.schema import Scenario, WorldReference, older_default
from firmtrade_core.world.world import World

#: Version of the code. A new dictionary or layout needs a new one.
VERSION = "1"

#: Longest code that is made or read; with host and path an address stays under 2,000 characters.
LONGEST = 1900

#: Most bytes that a body may unfold to.
LARGEST = 65_536

_LENGTH_BYTES, _CHECK_BYTES = 2, 6
_HEADER = _LENGTH_BYTES + _CHECK_BYTES

#: Words that bodies are deflated against, the most frequent last. Frozen: it is part of version 1.
_DICTIONARY = (
    b'"C01T03","C05T06","C10T12","C13T15","C16","C17_18","C19","C20","C21","C22","C23","C24","C25","C26","C27","C28",'
    b'"C29","C30","C31T33","A01_02","A03","B05_06","B07_08","B09","C24A","C24B","C301","C302T309",'
    b'"wood_paper_other_mfg","fuels_chemicals_plastics_minerals","food_beverages_tobacco","textiles_apparel_leather",'
    b'"mining_energy","vehicles_transport_eq","electronics_machinery","agriculture","metals","services",'
    b'"LOW_INCOME","LOWER_MIDDLE_INCOME","UPPER_MIDDLE_INCOME","HIGH_INCOME","G20","G7","GCC","APEC","RCEP","EFTA",'
    b'"AFCFTA","OECD","CPTPP","BRICS","USMCA","MERCOSUR","ASEAN","EU","ROW",'
    b'"BGD","BGR","BLR","BRN","CIV","CMR","CRI","CYP","EST","HKG","HRV","ISL","JOR","KAZ","KHM","LAO","LTU","LUX",'
    b'"LVA","MLT","MMR","PAK","SEN","SVN","TUN","UKR","PER","PHL","MAR","MYS","NGA","EGY","COL","CHL","ARG","CZE",'
    b'"DNK","FIN","GRC","HUN","IRL","ISR","NOR","NZL","PRT","ROU","SVK","SGP","THA","TWN","VNM","ZAF","SAU","POL",'
    b'"NLD","BEL","AUT","CHE","SWE","ESP","AUS","IDN","TUR","ITA","KOR","RUS","BRA","IND","FRA","GBR","JPN","DEU",'
    b'"CAN","MEX","CHN","USA","content_hash":"","name":"Embedded world 2022"},"world":{"structure":{"family":"'
    b'"eaton_kortum","krugman","armington","lognormal","pareto","dispersion":"tail":"labour_supply_elasticity":'
    b'"deficits":"proportional","removed","entry":"free","elasticity":"CP","FGO","U4","retaliation":{"kind":"list",'
    b'"measures":[{"add":"by":["ceiling":"share":"mirror"},"kind":"customs_union","external_tariff":'
    b'"kind":"export_subsidy","kind":"fixed_cost","kind":"productivity","kind":"demand","countries":["'
    b'"kind":"free_trade_area","members":["kind":"schedule","table":"us_2025_04_02","otherwise":0.1,"added":{"'
    b'"kind":"embargo","both_directions":true,"kind":"trade_cost","change":-0.0,"enabled":false,"except_exporters":["'
    b'"except_importers":["except_sectors":["all goods"],"all"],"method":"scale","method":"swiss","method":"set",'
    b'"description":"","source":"","name":"Own scenario","version":1}'
    b'{"cards":[{"exporters":["importers":["USA"],"kind":"tariff","method":"add","sectors":["],"value":0.1},'
)


class LinkError(ValueError):
    """A link cannot be read, or not be made. The message says what happened to it and what to do."""


class LongLinkError(LinkError):
    """The scenario does not fit into an address. Pass it on as YAML."""


# Making ----------------------------------------------------------------------------------------


def encode(scenario: Scenario, world: World | None = None) -> str:
    """The scenario's code, of characters that every address may hold; equal scenarios have equal codes.

    Parameters
    ----------
    scenario : Scenario
    world : World, optional
        The baseline in force; its name and content hash travel along.

    Raises
    ------
    LongLinkError
        If the code would be longer than `LONGEST`.
    """
    written = scenario if world is None else scenario.with_(world=reference(world))
    body = _deflated(_canonical(written.to_dict()))
    code = f"{VERSION}.{_base64(_header(body) + body)}"
    if len(code) > LONGEST:
        raise LongLinkError(
            f"This scenario takes {grouped(len(code))} characters; links stay under {grouped(LONGEST)}. Pass it on as a YAML file, or "
            "shorten it: name groups such as EU instead of their members."
        )
    return code


def reference(world: World) -> WorldReference:
    """What a scenario says of the world it was written on. Text that no scenario may hold is left out."""
    name = re.sub(r"[<>\x00-\x1f\x7f]", "", world.name).strip()
    return WorldReference(name=name[:120].strip(), content_hash=world.content_hash)


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _deflated(content: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    return deflate.compress(content) + deflate.flush()


def _header(body: bytes) -> bytes:
    # Lengths beyond the field never leave `encode`: such codes are too long.
    length = min(len(body), 256**_LENGTH_BYTES - 1)
    return length.to_bytes(_LENGTH_BYTES, "big") + _checksum(body)


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(VERSION.encode() + body, digest_size=_CHECK_BYTES).digest()


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


# Reading ---------------------------------------------------------------------------------------


def decode(code: str) -> Scenario:
    """The scenario of a code. White space that mail programs put into long addresses does no harm.

    Raises
    ------
    LinkError
        Saying whether it was cut, altered, written by another version, or holds no scenario.
    """
    found = _unpacked(code)
    try:
        return Scenario.parse(json.loads(found))
    except ScenarioError as error:
        raise LinkError(f"The link arrived whole, but its scenario cannot be used. {error}") from None
    except (ValueError, RecursionError):
        raise LinkError("The link arrived whole, but holds no scenario. It was not made here.") from None


def _unpacked(code: str) -> bytes:
    version, content = _split("".join(code.split()))
    if version != VERSION:
        raise LinkError(_other_version(version))
    return _inflated(_checked(_bytes(content)))


def older_link(code: str) -> str:
    """What a reader is told of a link made when other choices were the default; empty where that does not matter.

    Raises
    ------
    LinkError
        As `decode`.
    """
    return older_default(json.loads(_unpacked(code)))


def missing_world(scenario: Scenario, world: World) -> str:
    """What to tell a reader whose world is not the scenario's; empty where it is, or none is named."""
    meant = scenario.world
    if meant is None or meant.content_hash in ("", world.content_hash):
        return ""
    return (
        f"This scenario was made on {meant.name or 'another world'} (content hash {meant.content_hash}), and is shown "
        f"on {world.name} ({world.content_hash}): its numbers will differ. Ask the sender for the world file and open it "
        "on the Data page."
    )


def _split(code: str) -> tuple[str, str]:
    if len(code) > LONGEST:
        raise LinkError(
            f"The link holds {grouped(len(code))} characters, and links made here stay under {grouped(LONGEST)}. Ask for the YAML file."
        )
    version, dot, content = code.partition(".")
    if not (dot and content and re.fullmatch(r"[0-9]{1,4}", version)):
        raise LinkError(
            "This is no link to a scenario: its beginning is missing. Copy the whole address again."
        )
    return version, content


def _other_version(version: str) -> str:
    if int(version) > int(VERSION):
        return (
            f"The link is of version {version}; this program reads version {VERSION}. If it was copied whole, "
            "update the program."
        )
    return f"The link is of the old version {version}, which is no longer read. Ask the sender for a new link or YAML."


def _bytes(content: str) -> bytes:
    try:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", content):
            raise binascii.Error
        # A cut can leave one character over, which holds no whole byte.
        usable = content[:-1] if len(content) % 4 == 1 else content
        found = base64.urlsafe_b64decode(usable + "=" * (-len(usable) % 4))
    except binascii.Error:
        raise LinkError(
            "The link was altered: it holds characters that no link has. Copy the whole address again."
        ) from None
    _refuse_if_cut(found)
    if _base64(found) != content:
        raise LinkError(_ALTERED)
    return found


_ALTERED = "The link was altered on its way: its checksum does not hold. Copy the whole address again."


def _refuse_if_cut(found: bytes) -> None:
    expected = int.from_bytes(found[:_LENGTH_BYTES], "big")
    present = len(found) - _HEADER
    if present < 1 or present < expected:
        share = len(found) / (expected + _HEADER)
        raise LinkError(
            f"The link was cut short: only {in_percent(share)} of it arrived. Copy the whole address again, or ask for the YAML."
        )


def _checked(found: bytes) -> bytes:
    body = found[_HEADER:]
    if found[:_HEADER] != _header(body):
        raise LinkError(_ALTERED)
    return body


def _inflated(body: bytes) -> bytes:
    inflate = zlib.decompressobj(-zlib.MAX_WBITS, _DICTIONARY)
    try:
        content = inflate.decompress(body, LARGEST + 1)
    except zlib.error:
        raise LinkError("The link arrived whole, but its content is broken. It was not made here.") from None
    if len(content) > LARGEST:
        raise LinkError(
            f"The link would unfold to more than {grouped(LARGEST)} bytes and is refused. It was not made here."
        )
    if not inflate.eof or inflate.unused_data:
        raise LinkError("The link arrived whole, but its content is broken. It was not made here.")
    return content
